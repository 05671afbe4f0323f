"""Print math_tables.hpp: the tables of exp.hpp, log.hpp and pow.hpp, from their definitions.

    python make_math_tables.py > math_tables.hpp        (needs mpmath)

The algorithms, with the choice of the table points, were published by Arm in optimized-routines
(math/exp_data.c, log_data.c, pow_data.c, MIT, 2018) and are those of glibc since 2.28. N = 128:

exp   2^(i/N) = H (1 + T): T as a double, and the bits of H less i 2^52/N, so that adding
      k 2^52/N with k = i (mod N) gives the scaled value.
pow   c near the centre of the i-th of N parts of [0x1.69555p-1, 0x1.69555p0), with 1/c of few
      bits (a multiple of 1/N or 1/(2N)) so that z/c - 1 is exact; log c = logc + logctail, logc a
      multiple of 2^-43 so that k ln2hi + logc is exact.
log   c near the centre of the i-th of N parts of [0x1.6p-1, 0x1.6p0), found by a search over 2^30
      candidates for a log c that is almost a multiple of 2^-43. The search is not repeated here:
      the published 1/c are the constants LOG_INVC, logc follows from them.
"""

import struct

from mpmath import floor, log, mp, mpf

mp.prec = 256
N = 128

# Published 1/c of log.
LOG_INVC = """
0x1.734f0c3e0de9fp+0 0x1.713786a2ce91fp+0 0x1.6f26008fab5a0p+0 0x1.6d1a61f138c7dp+0
0x1.6b1490bc5b4d1p+0 0x1.69147332f0cbap+0 0x1.6719f18224223p+0 0x1.6524f99a51ed9p+0
0x1.63356aa8f24c4p+0 0x1.614b36b9ddc14p+0 0x1.5f66452c65c4cp+0 0x1.5d867b5912c4fp+0
0x1.5babccb5b90dep+0 0x1.59d61f2d91a78p+0 0x1.5805612465687p+0 0x1.56397cee76bd3p+0
0x1.54725e2a77f93p+0 0x1.52aff42064583p+0 0x1.50f22dbb2bddfp+0 0x1.4f38f4734ded7p+0
0x1.4d843cfde2840p+0 0x1.4bd3ec078a3c8p+0 0x1.4a27fc3e0258ap+0 0x1.4880524d48434p+0
0x1.46dce1b192d0bp+0 0x1.453d9d3391854p+0 0x1.43a2744b4845ap+0 0x1.420b54115f8fbp+0
0x1.40782da3ef4b1p+0 0x1.3ee8f5d57fe8fp+0 0x1.3d5d9a00b4ce9p+0 0x1.3bd60c010c12bp+0
0x1.3a5242b75dab8p+0 0x1.38d22cd9fd002p+0 0x1.3755bc5847a1cp+0 0x1.35dce49ad36e2p+0
0x1.34679984dd440p+0 0x1.32f5cceffcb24p+0 0x1.3187775a10d49p+0 0x1.301c8373e3990p+0
0x1.2eb4ebb95f841p+0 0x1.2d50a0219a9d1p+0 0x1.2bef9a8b7fd2ap+0 0x1.2a91c7a0c1babp+0
0x1.293726014b530p+0 0x1.27dfa5757a1f5p+0 0x1.268b39b1d3bbfp+0 0x1.2539d838ff5bdp+0
0x1.23eb7aac9083bp+0 0x1.22a012ba940b6p+0 0x1.2157996cc4132p+0 0x1.201201dd2fc9bp+0
0x1.1ecf4494d480bp+0 0x1.1d8f5528f6569p+0 0x1.1c52311577e7cp+0 0x1.1b17c74cb26e9p+0
0x1.19e010c2c1ab6p+0 0x1.18ab07bb670bdp+0 0x1.1778a25efbcb6p+0 0x1.1648d354c31dap+0
0x1.151b990275fddp+0 0x1.13f0ea432d24cp+0 0x1.12c8b7210f9dap+0 0x1.11a3028ecb531p+0
0x1.107fbda8434afp+0 0x1.0f5ee0f4e6bb3p+0 0x1.0e4065d2a9fcep+0 0x1.0d244632ca521p+0
0x1.0c0a77ce2981ap+0 0x1.0af2f83c636d1p+0 0x1.09ddb98a01339p+0 0x1.08cabaf52e7dfp+0
0x1.07b9f2f4e28fbp+0 0x1.06ab58c358f19p+0 0x1.059eea5ecf92cp+0 0x1.04949cdd12c90p+0
0x1.038c6c6f0ada9p+0 0x1.02865137932a9p+0 0x1.0182427ea7348p+0 0x1.008040614b195p+0
0x1.fe01ff726fa1ap-1 0x1.fa11cc261ea74p-1 0x1.f6310b081992ep-1 0x1.f25f63ceeadcdp-1
0x1.ee9c8039113e7p-1 0x1.eae8078cbb1abp-1 0x1.e741aa29d0c9bp-1 0x1.e3a91830a99b5p-1
0x1.e01e009609a56p-1 0x1.dca01e577bb98p-1 0x1.d92f20b7c9103p-1 0x1.d5cac66fb5ccep-1
0x1.d272caa5ede9dp-1 0x1.cf26e3e6b2ccdp-1 0x1.cbe6da2a77902p-1 0x1.c8b266d37086dp-1
0x1.c5894bd5d5804p-1 0x1.c26b533bb9f8cp-1 0x1.bf583eeece73fp-1 0x1.bc4fd75db96c1p-1
0x1.b951e0c864a28p-1 0x1.b65e2c5ef3e2cp-1 0x1.b374867c9888bp-1 0x1.b094b211d304ap-1
0x1.adbe885f2ef7ep-1 0x1.aaf1d31603da2p-1 0x1.a82e63fd358a7p-1 0x1.a5740ef09738bp-1
0x1.a2c2a90ab4b27p-1 0x1.a01a01393f2d1p-1 0x1.9d79f24db3c1bp-1 0x1.9ae2505c7b190p-1
0x1.9852ef297ce2fp-1 0x1.95cbaeea44b75p-1 0x1.934c69de74838p-1 0x1.90d4f2f6752e6p-1
0x1.8e6528effd79dp-1 0x1.8bfce9fcc007cp-1 0x1.899c0dabec30ep-1 0x1.87427aa2317fbp-1
0x1.84f00acb39a08p-1 0x1.82a49e8653e55p-1 0x1.8060195f40260p-1 0x1.7e22563e0a329p-1
0x1.7beb377dcb5adp-1 0x1.79baa679725c2p-1 0x1.77907f2170657p-1 0x1.756cadbd6130cp-1
"""


def bits(x: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def nearest(x: mpf) -> mpf:
    """Round half up, as the published tables do."""
    return floor(x + mpf(1) / 2)


def exp_rows():
    for i in range(N):
        exact = mpf(2) ** (mpf(i) / N)
        head = float(exact)
        tail = float(exact / mpf(head) - 1)
        yield bits(tail), (bits(head) - (i << 52) // N) % 2**64


def log_rows():
    for invc in map(float.fromhex, LOG_INVC.split()):
        logc = nearest(-log(mpf(invc)) * 2**43) / 2**43
        yield invc, float(logc)


def pow_rows():
    low = mpf(float.fromhex("0x1.69555p-1"))
    for i in range(N):
        # Parts are cut in the bits of z: their width doubles where z passes 1.
        start = bits(float(low)) + (i << 52) // N
        ends = [struct.unpack("<d", struct.pack("<Q", start + k))[0] for k in (0, (1 << 52) // N)]
        centre = (mpf(ends[0]) + mpf(ends[1])) / 2
        invc = nearest(N / centre) / N if centre < 1 else nearest(2 * N / centre) / N / 2
        logc = nearest(-log(invc) * 2**43) / 2**43
        yield float(invc), float(logc), float(-log(invc) - logc)


def table(name: str, comment: str, columns: int, rows) -> None:
    print(f"\n/* {comment} */")
    print(f"alignas(64) static const unsigned long long {name}[{columns} * {N}] = {{")
    for row in rows:
        words = [w if isinstance(w, int) else bits(w) for w in row]
        words += [0] * (columns - len(words))
        print("    " + " ".join(f"0x{w:016x}ull," for w in words))
    print("};")


print("/* Made by make_math_tables.py, which says what the numbers are; do not edit.")
print(" * Doubles as bits. */")
print("// clang-format off")
print("#ifndef HELIOX_KERNELS_MATH_TABLES_HPP")
print("#define HELIOX_KERNELS_MATH_TABLES_HPP")
print("\nnamespace hx {")
table("exp_table", "tail, bits of the head", 2, exp_rows())
table("log_table", "1/c, log c", 2, log_rows())
table("pow_table", "1/c, log c, tail of log c, 0", 4, pow_rows())
print("\n} // namespace hx\n#endif")
