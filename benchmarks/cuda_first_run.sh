#!/usr/bin/env bash
# Everything that is to be known of the GPU engine on a machine that has a GPU, within 9 minutes:
#   bash benchmarks/cuda_first_run.sh [folder for results]
# It needs numba-cuda[cu13] and, for cuBLAS, cupy-cuda13x[ctk]; PyTorch for cuDNN's columns. On a machine that
# reaches no package index, put their wheels into a folder and name it: WHEELS=.whl bash benchmarks/cuda_first_run.sh
set -u
cd "$(dirname "$0")/.."
results=${1:-build/cuda}
mkdir -p "$results"
if [ -n "${WHEELS:-}" ]; then
    python3 -m pip install -q --no-index --no-deps --no-compile --target /tmp/forecastrnn_site "$WHEELS"/*.whl || exit
    export PYTHONPATH="/tmp/forecastrnn_site${PYTHONPATH:+:$PYTHONPATH}"
fi
export PYTHONPATH="$PWD:$PWD/tests${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1

part() { # seconds, name, command: each has its own limit, so that one that hangs does not cost the others
    echo "== $2 (at most $1 s)"
    timeout --signal=INT --kill-after=5 "$1" "${@:3}" 2>&1 | tee "$results/$2.log" | tail -n 60
    echo "== $2: exit ${PIPESTATUS[0]}"
}

step() { python3 -m benchmarks.cuda_training_step --json "$results/$1.json" "${@:2}"; }
export -f step 2>/dev/null
export results

part 20 machine sh -c 'nvidia-smi; nproc; python3 -m pip list 2>/dev/null | grep -i -E "numba|cupy|torch|cuda|nvidia"'
part 30 engine python3 -c 'from forecastrnn.engine import devices; from forecastrnn.engine.cuda import blas, graphs; print(devices.gpus(), "CuPy:", blas.available())'
side_by_side=$(python3 -c 'import xdist' 2>/dev/null && echo "-n 6") # most of its time is compilation
part 150 correct python3 -m pytest -q -W default $side_by_side -m "gpu and not slow" -p no:cacheprovider tests/engine/test_cuda_gpu.py
part 120 small bash -c 'step small --cells LSTM GRU --units 32 64 --rows 32 128 512 --seconds 0.2'
part 80 large bash -c 'step large --cells LSTM --units 128 256 512 --rows 32 512 --seconds 0.2 --no-cpu'
part 50 others bash -c 'step others --cells "peephole LSTM" RNN --units 64 --rows 32 512 --seconds 0.2'
part 40 long bash -c 'step long --cells LSTM GRU --units 64 --rows 128 --steps 1024 --seconds 0.2 --no-cpu'
part 40 tiles python3 -m benchmarks.cuda_tiles
echo "results in $results"
