#!/usr/bin/env bash
# Tests and benchmarks on a machine with a GPU, Python, CuPy and nvcc, but without a network.
#
#   tests/gpu/run.sh [--wheels DIR] [--models DIR] [--mechanisms DIR] [--parts tests,sanitize,bench]
#                    [--out DIR] [--limit SECONDS] [--select EXPRESSION] [--engines LIST]
#                    [-- options of benchmarks/gpu.py]
#
# --wheels      what pip installs, into a folder of this run: neuron, find_libpython, packaging,
#               setuptools, filelock, platformdirs, rich, tqdm, ..., pytest with pluggy and iniconfig
#               (with pytest-xdist and execnet tests run side by side). A wheel of this package among
#               them is used; else the package is built with the machine's own tools.
# --models      the benchmark models (default: HELIOX_MODELS, ../shared/models)
# --mechanisms  folders made by nrnivmodl, named after the models: l5pc/x86_64/libnrnmech.so
# --parts       tests, sanitize (compute-sanitizer), bench, scaling (trees of 1 to 10,000 cells), network
#               (10,000 cells, 10 million NetCons), training (MNIST; data beside the models' folder or
#               HELIOX_DATA); default tests,sanitize,bench
# --out         where logs and JSON go (default: a temporary folder)
# --limit       seconds for everything (560): each part gets what is left
# --select      pytest's -k for the part "tests"
# --engines     what scaling and network time: exact,fast leaves NEURON and the CPU out (default: all)
#
# Ends with a table; status 1 if a part failed. What cannot be done here is named and left out.
set -uo pipefail

begin=$SECONDS
root=$(cd "$(dirname "$0")/../.." && pwd)
wheels="" models="${HELIOX_MODELS:-}" mechanisms="${HELIOX_MECHANISMS:-}"
parts=tests,sanitize,bench out="" limit=560 select="" engines=() bench_options=()
while [ $# -gt 0 ]; do
    case $1 in
        --wheels) wheels=$2 && shift 2 ;;
        --models) models=$2 && shift 2 ;;
        --mechanisms) mechanisms=$2 && shift 2 ;;
        --parts) parts=$2 && shift 2 ;;
        --out) out=$2 && shift 2 ;;
        --limit) limit=$2 && shift 2 ;;
        --select) select=$2 && shift 2 ;;
        --engines) engines=(--engines ${2//,/ }) && shift 2 ;;
        --) shift && bench_options=("$@") && break ;;
        -h | --help) sed -n '2,22s/^# \{0,1\}//p' "$0" && exit 0 ;;
        *) echo "unknown option $1 (--help)" >&2 && exit 2 ;;
    esac
done

python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=${out:-$work/out}
mkdir -p "$out" "$work/site"
out=$(cd "$out" && pwd)
[ -n "$models" ] && models=$(cd "$models" 2>/dev/null && pwd)
[ -n "$mechanisms" ] && mechanisms=$(cd "$mechanisms" 2>/dev/null && pwd)
[ -n "$models" ] && export HELIOX_MODELS=$models HELIOX_DATA=${HELIOX_DATA:-$models/../data}
[ -n "$mechanisms" ] && export HELIOX_MECHANISMS=$mechanisms
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 NEURON_MODULE_OPTIONS=-nogui
export HELIOX_CACHE_DIR=${HELIOX_CACHE_DIR:-$work/cache} HELIOX_COMMIT=${HELIOX_COMMIT:-?}
unset HELIOX_ENABLE HELIOX_DEVICE HELIOX_ATTACH DISPLAY

names=() results=() took=() remarks=() failed=0
wants() { case ",$parts," in *",$1,"*) return 0 ;; *) return 1 ;; esac; }
left() { echo $((limit - (SECONDS - begin))); }
remark() { remarks+=("$*") && echo "-- $*"; }
title() { printf '\n=== %s (%ss)\n' "$*" "$((SECONDS - begin))"; }
entered() { names+=("$1") results+=("$2") took+=("$3"); }
has_module() { (cd / && "$python" -c "import $1") >/dev/null 2>&1; }

# ---- what is here --------------------------------------------------------------------------------
title "machine"
"$python" --version || exit 2
if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader
else
    remark "no nvidia-smi"
fi
device=1
if [ "${HELIOX_GPU_DEVICE:-}" = host ]; then
    remark "HELIOX_GPU_DEVICE=host: kernels run on the host"
elif ! (cd / && "$python" -c "import cupy; print('CuPy', cupy.__version__, cupy.cuda.runtime.getDeviceCount(), 'GPU')"); then
    device=0
    remark "no CuPy or no GPU: tests are skipped, benchmarks lack the GPU"
fi

# ---- packages ------------------------------------------------------------------------------------
pip_install() { # by way of a folder: pip --target replaces the bin/ of an earlier call
    rm -rf "$work/new"
    "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
        --target "$work/new" "$@" && cp -R "$work/new/." "$work/site/"
}
export PYTHONPATH="$work/site${PYTHONPATH:+:$PYTHONPATH}" PATH="$work/site/bin:$PATH"

title "packages"
own=()
if [ -n "$wheels" ]; then
    others=()
    for wheel in "$wheels"/*.whl; do
        [ -e "$wheel" ] || continue
        case $(basename "$wheel") in
            heliox_neuron-*) own+=("$wheel") ;;
            *) others+=("$wheel") ;;
        esac
    done
    if [ ${#others[@]} -gt 0 ] && ! pip_install "${others[@]}" >"$out/pip.log" 2>&1; then
        remark "pip refused the wheels together, trying one by one: $(tail -1 "$out/pip.log")"
        for wheel in "${others[@]}"; do
            pip_install "$wheel" >>"$out/pip.log" 2>&1 || remark "not installed: $(basename "$wheel")"
        done
    fi
fi

has_module setuptools || remark "no setuptools: nrnivmodl does not run, only --mechanisms are there"

package_loads() {
    (cd / && HELIOX_ATTACH=0 "$python" -c "
from neuron import h
import heliox_neuron._core, heliox_neuron
print('package', heliox_neuron.__version__, heliox_neuron.__path__[0])")
}
build_package() {
    if has_module scikit_build_core && has_module pybind11; then
        pip_install --no-build-isolation "$root" >"$out/build.log" 2>&1 && return
        echo "pip could not build it, trying cmake" >>"$out/build.log"
    fi
    local pybind generator=()
    pybind=$("$python" -m pybind11 --cmakedir) || { echo "no pybind11" >>"$out/build.log" && return 1; }
    command -v ninja >/dev/null && generator=(-G Ninja)
    {
        cmake "${generator[@]}" -S "$root" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
            -DPython_EXECUTABLE="$(command -v "$python")" -Dpybind11_DIR="$pybind" &&
            cmake --build "$work/build" --parallel &&
            cmake --install "$work/build" --prefix "$work/site" --component package &&
            cp -R "$root"/heliox_neuron/. "$work/site/heliox_neuron/"
    } >>"$out/build.log" 2>&1
}
started=$SECONDS
if [ ${#own[@]} -gt 0 ] && ! pip_install "${own[@]}"; then
    remark "the package's wheel could not be installed"
fi
if ! package_loads 2>"$out/load.log"; then
    [ ${#own[@]} -gt 0 ] && remark "the package's wheel does not load: $(tail -1 "$out/load.log")"
    echo "building the package"
    if ! build_package || ! package_loads 2>"$out/load.log"; then
        tail -25 "$out/build.log" "$out/load.log"
        echo "the package could not be built" && exit 1
    fi
    entered build "done" $((SECONDS - started))
fi

# ---- tests ---------------------------------------------------------------------------------------
# the tests import the installed package: the current folder must not be on the path
pytest_program="import sys, pytest
sys.path = [p for p in sys.path if p not in ('', '.')]
sys.exit(pytest.main(sys.argv[1:]))"

run_pytest() { # name, seconds, words before python, -- , pytest's words
    local name=$1 seconds=$2 words=() status start=$SECONDS summary
    shift 2
    while [ "$1" != -- ]; do words+=("$1") && shift; done
    shift
    (cd "$root" && timeout -k 20 "$seconds" "${words[@]}" "$python" -c "$pytest_program" \
        -p no:cacheprovider -m gpu "$@") 2>&1 | tee "$out/$name.log"
    status=${PIPESTATUS[0]}
    summary=$(grep -E '(passed|failed|skipped|error)' "$out/$name.log" | tail -1 | tr -d =)
    [ "$status" -eq 124 ] && summary="stopped after $seconds s; $summary"
    if [ "$status" -eq 5 ]; then
        summary="no test ran"
    elif [ "$status" -ne 0 ]; then
        failed=1 summary="FAILED (status $status) $summary"
    fi
    entered "$name" "$summary" $((SECONDS - start))
}

if wants tests; then
    title "tests"
    if has_module pytest; then
        workers=()
        if has_module xdist; then
            workers=(-n "$(($(nproc) < 8 ? $(nproc) : 8))")
        else
            remark "no pytest-xdist: one test after another"
        fi
        run_pytest tests "$(left)" -- -q -rs --tb=short --durations=5 --maxfail=25 "${workers[@]}" \
            ${select:+-k "$select"} tests/gpu
    else
        failed=1
        entered tests "FAILED: $( (cd / && "$python" -c "import pytest") 2>&1 | tail -1)" 0
    fi
fi

# ---- compute-sanitizer ---------------------------------------------------------------------------
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -1)
if wants sanitize; then
    title "compute-sanitizer"
    if [ -z "$sanitizer" ] || [ $device -eq 0 ] || [ "${HELIOX_GPU_DEVICE:-}" = host ]; then
        remark "sanitize left out: no compute-sanitizer or no GPU"
        entered sanitize "left out" 0
    else
        # without CuPy's pool every array is an allocation of its own, with bounds of its own
        export GPU_TEST_NO_POOL=1
        for tool in memcheck racecheck; do
            seconds=$(left)
            [ "$seconds" -gt 150 ] && seconds=150
            if [ "$seconds" -lt 20 ]; then
                remark "$tool left out: --limit $limit s are over" && continue
            fi
            run_pytest "$tool" "$seconds" "$sanitizer" --tool $tool --target-processes all \
                --error-exitcode 86 -- -q -x --tb=short tests/gpu/test_sanitize.py
            if grep -qE 'SUMMARY: [1-9]' "$out/$tool.log"; then
                failed=1 && remark "$tool found errors: $out/$tool.log"
                grep -hE -A12 'Invalid|Misaligned|Race|hazard|Error:' "$out/$tool.log" | head -40
            fi
            remark "$tool: $(grep -hE 'SUMMARY' "$out/$tool.log" | sort | uniq -c | tr -s ' \n' ' ')"
        done
        unset GPU_TEST_NO_POOL
    fi
fi

# ---- benchmarks ----------------------------------------------------------------------------------
run_bench() { # name, program, words
    local name=$1 program=$2 start=$SECONDS status
    shift 2
    (cd "$root" && timeout -k 20 "$(($(left) + 5))" "$python" "benchmarks/$program" "$@") 2>&1 |
        tee "$out/$name.txt"
    status=${PIPESTATUS[0]}
    if [ "$status" -ne 0 ]; then
        failed=1 && entered "$name" "FAILED (status $status)" $((SECONDS - start))
    else
        entered "$name" "done" $((SECONDS - start))
    fi
}
minutes() { awk "BEGIN { print ($(left) - 10) / 60 }"; }
for name in bench scaling network training; do
    wants $name || continue
    title "$name"
    if [ "$(left)" -lt 45 ]; then
        remark "$name left out: --limit $limit s are over" && entered $name "left out" 0
    elif [ $name = bench ]; then
        run_bench bench gpu.py --minutes "$(minutes)" --json "$out/gpu.json" "${bench_options[@]}"
    elif [ $name = scaling ]; then
        run_bench scaling gpu_scaling.py "${engines[@]}" --minutes "$(minutes)" --json "$out/scaling.json"
    elif [ $name = training ]; then
        run_bench training training.py --no-search --reps 1 --json "$out/training.json"
    else
        run_bench network gpu_scaling.py --network "${engines[@]}" --minutes "$(minutes)" \
            --json "$out/network.json"
    fi
done
if wants bench || wants scaling || wants network; then
    title "goals"
    (cd "$root" && "$python" benchmarks/gpu_goals.py "$out"/{gpu,scaling,network}.json) 2>&1 |
        tee "$out/goals.txt"
fi

# ---- the end -------------------------------------------------------------------------------------
title "summary"
for k in "${!names[@]}"; do
    printf '%-10s %5ss  %s\n' "${names[$k]}" "${took[$k]}" "${results[$k]}"
done
for line in "${remarks[@]}"; do echo "left out or odd: $line"; done
exit $failed
