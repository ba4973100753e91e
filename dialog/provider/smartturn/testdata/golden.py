# Writes golden.txt: features that the numpy front end of pipecat-ai 1.14.0 computes, and
# the probabilities of the network, for signals that mel_test.go makes, too.
# usage, in the folder pipecat/audio/turn/smart_turn of the unpacked wheel:
#   PYTHONPATH=. python golden.py smart_turn.onnx > golden.txt
import sys
import numpy as np
import onnxruntime
from _whisper_features import compute_whisper_log_mel_features

SAMPLES = 8 * 16000


def signal(n):
    """A rising tone that swells twice a second, with noise, as 16-bit samples."""
    seed, out = 1, np.zeros(n, np.int16)
    for i in range(n):
        seed = (seed * 1664525 + 1013904223) % 2**32
        t = i / 16000
        tone = 6000 * np.sin(2 * np.pi * (200 * t + 300 * t * t)) * np.sin(2 * np.pi * t) ** 2
        out[i] = int(tone + (seed >> 16) / 65536 * 400 - 200)
    return out


network = onnxruntime.InferenceSession(sys.argv[1])
for n in (1, 20800, 2 * SAMPLES):
    x = signal(n)[-SAMPLES:].astype(np.float32) / 32768
    f = compute_whisper_log_mel_features(np.pad(x, (SAMPLES - len(x), 0)))
    p = network.run(None, {"input_features": f[None]})[0].item()
    print(f"signal {n} {p:.4f}")
    for t in (0, 1, 2, 400, 669, 670, 671, 700, 790, 798, 799):
        print(t, *(f"{v:.3f}" for v in f[:, t]))
