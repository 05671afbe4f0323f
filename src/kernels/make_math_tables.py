"""Print math_tables.hpp: the tables of exp.hpp, log.hpp and pow.hpp, from their definitions.

    python make_math_tables.py > math_tables.hpp        (needs mpmath)
    python make_math_tables.py sincos > ../gpu/math_sincos_table.cuh

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

sin and cos (IBM's accurate library, part of glibc): at k/128, k < 110, in two doubles each. Of the
440 published numbers 18 second doubles are not the nearest: SINCOS_TAILS.
"""

import struct
import sys

from mpmath import cos, floor, log, mp, mpf, sin

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

# Published second doubles that are not the nearest, by their place in the table.
SINCOS_TAILS = {
    9: "-0x1.2ab639a9f0777p-63", 41: "-0x1.921915299468cp-58",
    93: "-0x1.32c5c8b81c940p-66", 107: "0x1.e3a0d3e03b1d5p-57",
    109: "-0x1.9883b57d6cdebp-58", 133: "-0x1.9b8c29dfd8ec8p-56",
    137: "-0x1.9fb0a0c93e2b5p-56", 145: "0x1.46076fe0dcff5p-56",
    161: "0x1.03d5504878398p-63", 179: "-0x1.660aec7ef636cp-58",
    283: "0x1.8ff7947027a16p-58", 301: "-0x1.f190c70cbb5ffp-58",
    303: "-0x1.b83d607cd5070p-63", 319: "0x1.95e25736c0358p-60",
    341: "-0x1.97653a7d2f07bp-56", 361: "0x1.0da05738cc59ap-61",
    377: "0x1.c843b4d0fb198p-58", 429: "0x1.ad1197ccd0393p-59",
}  # fmt: skip


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


def sincos_rows():
    words = []
    for k in range(110):
        for exact in (sin(mpf(k) / 128), cos(mpf(k) / 128)):
            first = float(exact)
            tail = float(exact - mpf(first))
            words.append(first)
            words.append(float.fromhex(SINCOS_TAILS.get(len(words), tail.hex())))
    return [words[i : i + 4] for i in range(0, len(words), 4)]


def table(name: str, comment: str, columns: int, rows, space: str = "HX_TABLE") -> None:
    rows = list(rows)
    print(f"\n/* {comment} */")
    print(f"alignas(64) {space} unsigned long long {name}[{columns} * {len(rows)}] = {{")
    for row in rows:
        words = [w if isinstance(w, int) else bits(w) for w in row]
        words += [0] * (columns - len(words))
        print("    " + " ".join(f"0x{w:016x}ull," for w in words))
    print("};")


def head(*lines: str) -> None:
    print("/* Made by make_math_tables.py, which says what the numbers are; do not edit.")
    print(" * Doubles as bits. */")
    print("// clang-format off")
    for line in lines:
        print(line)


if sys.argv[1:] == ["sincos"]:
    head("#pragma once", "", '#include "device.cuh"')
    print("\nnamespace hx {")
    table("sincos_table", "sin(k/128), its tail, cos(k/128), its tail", 4, sincos_rows())
    print("\n} // namespace hx")
else:
    head("#ifndef HELIOX_KERNELS_MATH_TABLES_HPP", "#define HELIOX_KERNELS_MATH_TABLES_HPP")
    print("\n/* GPU code defines its own. */")
    print("#ifndef HX_TABLE")
    print("#define HX_TABLE static const")
    print("#endif")
    print("#ifndef HX_EXP_TABLE_SPACE")
    print("#define HX_EXP_TABLE_SPACE HX_TABLE")
    print("#endif")
    print("\nnamespace hx {")
    table("exp_table", "tail, bits of the head", 2, exp_rows(), "HX_EXP_TABLE_SPACE")
    table("log_table", "1/c, log c", 2, log_rows())
    table("pow_table", "1/c, log c, tail of log c, 0", 4, pow_rows())
    print("\n} // namespace hx\n#endif")
