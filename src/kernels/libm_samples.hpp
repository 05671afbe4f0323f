/* Arguments at which one multiply-add, rounded twice instead of once, changes the bits of exp,
 * log or pow.
 *
 * Found by computing 20 to 40 M random arguments with each fma() of exp.hpp, log.hpp and pow.hpp
 * split in turn and comparing with libm. Splits that change none of these are not represented:
 * they cannot matter much. */
#ifndef HELIOX_KERNELS_LIBM_SAMPLES_HPP
#define HELIOX_KERNELS_LIBM_SAMPLES_HPP

namespace hx {

static constexpr double seldom_exp[] = {
    -0x1.ae03ba898d4p+3,   0x1.6d1fcda3e90ap-4,   0x1.cceac8fe83478p-3,  -0x1.2dfbb6bb046c4p+4,
    -0x1.32a5e6f998377p+5, -0x1.03639f8cbf42cp+5, 0x1.6a6ee0c39eb48p-1,  -0x1.1dd6619e8003cp-2,
    0x1.a68ee33e25f8p-2,   -0x1.ad777978f5a88p-3, 0x1.19b064ff53be2p-1,  -0x1.b1f977c7bb37cp+3,
    0x1.718c45391a22p-1,   0x1.b891d62ab5698p-2,  -0x1.091277890554bp+5, 0x1.49f8eaea6d7c8p+3,
    -0x1.d02aaa1eb5a0ap+4, -0x1.6c292fd5e2a64p+3, 0x1.2e559d95b138cp+5,  -0x1.3237cc927a1ap-2,
    -0x1.6f2aec23782eap-1, -0x1.2c7a0d83f0ea4p-1, -0x1.6fb8f44e3a1dp+1,  0x1.27acf9de99dd4p-1,
};

static constexpr double seldom_log[] = {
    0x1.a0038dbae34d8p+0, 0x1.15ce97e2bda19p-1, 0x1.0d50c817ad95cp-4, 0x1.b3c0747a0739p-2,
    0x1.3c3adbc97b548p-1, 0x1.1451e5faa8bd4p-7, 0x1.11d44f2c3df27p-1, 0x1.09be5ef14cae4p-1,
    0x1.0e0b23cab87efp+0, 0x1.e5b641a0875aep-1, 0x1.0e0e52c69fc0ap+0, 0x1.0ef5a439f17edp+0,
    0x1.e6a6fab990d41p-1, 0x1.098566261fbd1p+0, 0x1.eec5578215c8p-1,  0x1.ede1149e5ee2dp-1,
    0x1.0e0f438ff46f8p+0, 0x1.e216cc4564e86p-1, 0x1.0ef490493996bp+0, 0x1.eb23356e269fp-1,
    0x1.e843087f3457bp-1, 0x1.e599634643425p-1, 0x1.0d760da10540dp+0, 0x1.0b7e00ba14502p+0,
    0x1.e817d131d415ap-1, 0x1.e26eaf4a847d1p-1, 0x1.0da14df47edbcp+0, 0x1.eb938b5a7cccep-1,
    0x1.0ea419d6af188p+0, 0x1.0e5139e93d896p+0, 0x1.e484f4631b64p-1,  0x1.e16f7fab70eb2p-1,
    0x1.f85335303db21p-1, 0x1.0aadc73333064p+0, 0x1.05daab03d7943p+0, 0x1.0d7726fef003dp+0,
    0x1.f12715caf2623p-1, 0x1.099eaf94cb797p+0, 0x1.ebe640c4e079fp-1, 0x1.e4126a4c3f383p-1,
    0x1.edcbc12b74576p-1, 0x1.e4ca24193e479p-1, 0x1.075451c8cd305p+0, 0x1.e28f81293fc19p-1,
    0x1.0553197f36b42p+0, 0x1.05d18dddb2ec2p+0, 0x1.ed75f3fa518bbp-1, 0x1.0326054fbbbd8p+0,
    0x1.e6b4e6e56ef39p-1, 0x1.067a0d8394bd1p+0, 0x1.0ba3fe0e11d4ep+0, 0x1.074d26cb0d352p+0,
    0x1.fb1e4cf1ca38fp-1, 0x1.0e22d245f18c8p+0, 0x1.0cdeaadde6b67p+0,
};

static constexpr double seldom_pow[][2] = {
    {0x1.2421fe9e244fp+0, -0x1.e3d76c527a85p+2},
    {0x1.8674c7e30dce3p-3, -0x1.c88fc6405b97p+1},
    {0x1.85e090c09a305p+0, -0x1.f53a88c812728p+2},
    {0x1.d0c94cde4cb62p+0, 0x1.63f2b7d76b77p+2},
    {0x1.b225e2afef21p+1, 0x1.42da9bed2cd94p+2},
    {0x1.8bdb30d705e3ep+0, -0x1.b92391693a4fep+2},
    {0x1.74468d6b5e1a8p-2, 0x1.c4d5f924654cp-3},
    {0x1.c87cd36d02d98p+0, 0x1.1073db9ab2d5cp+2},
    {0x1.32dd10eb66321p-1, 0x1.eec6813b19f7p+0},
    {0x1.92fd2961f81f8p+0, 0x1.66c25817f44a4p+2},
    {0x1.2883b7805baebp-2, 0x1.9150c0bf8ec5p-1},
    {0x1.001eeb5f4e75ep-1, -0x1.950be2f03acd2p+2},
    {0x1.8062b8e4915edp+0, 0x1.eca0e7d0faefp-1},
    {0x1.4f2da40e6ac32p-4, 0x1.54fbf4947b078p+2},
    {0x1.038a1c9c2f0aep-1, 0x1.c77eec0ce25b4p+1},
    {0x1.8f79749fb54fep-1, 0x1.05332bdc9c6b8p+0},
    {0x1.14343a108534p-5, 0x1.0813078429b04p+1},
    {0x1.ab783db5901a2p-4, -0x1.c25604d427cf4p+2},
    {0x1.2b95bd2c18ab9p-3, -0x1.98b60a1131ad4p+1},
    {0x1.06f0b8415c666p-1, 0x1.102b85b237cbep+2},
    {0x1.d807142830fd6p-1, -0x1.9f23ff3f90442p+2},
    {0x1.88614bf809e73p+0, 0x1.09cc252709d4p+2},
    {0x1.e6e5bc3edfdd4p-1, -0x1.3422148ad9a64p+2},
    {0x1.4729e7f1a5a9cp-2, 0x1.12ac352e391fcp+2},
    {0x1.fffffffffffffp+52, -3.},
    {0x1.fffffffffffffp+52, -1.},
};

} // namespace hx
#endif
