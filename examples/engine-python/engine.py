#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A speech engine for Orotund in Python, written from api/orotund/engine/v1/engine.proto alone.

It is started by Orotund, which tells it the socket in the environment. See README.md.
"""

import concurrent.futures
import importlib
import math
import os
import pathlib
import signal
import sys
import tempfile
import threading

sys.dont_write_bytecode = True  # the folder of the program may be shared, or read-only

import grpc
from grpc_tools import protoc

import tones

SERVICE = "orotund.engine.v1"
# The contract lies in api/ of the repository; a copy elsewhere is named by OROTUND_PROTO_DIR.
PROTO_DIR = os.environ.get("OROTUND_PROTO_DIR") or str(pathlib.Path(__file__).resolve().parents[2] / "api")


def contract():
    """Compiles the .proto file and returns its messages and its services: there is no generated code to keep up to date."""
    with tempfile.TemporaryDirectory() as out:
        arguments = ["protoc", f"-I{PROTO_DIR}", f"--python_out={out}", f"--grpc_python_out={out}"]
        if protoc.main(arguments + ["orotund/engine/v1/engine.proto"]) != 0:
            raise SystemExit(f"engine.py: cannot compile orotund/engine/v1/engine.proto of {PROTO_DIR}")
        sys.path.insert(0, out)
        try:
            messages = importlib.import_module("orotund.engine.v1.engine_pb2")
            return messages, importlib.import_module("orotund.engine.v1.engine_pb2_grpc")
        finally:
            sys.path.remove(out)


pb, rpc = contract()

MODEL = "tones"
PITCHES = {"low": 110.0, "high": 220.0}  # voice id to its base pitch in Hz
AT_ONCE = 4
SPEED_MIN, SPEED_MAX = 0.5, 3.0
MAX_CHARACTERS = 5000
FRAMES_MS = (20, 40, 60, 80, 100)  # the first frame leaves early, the later ones are fewer


class Engine(rpc.EngineServicer):
    """Implements orotund.engine.v1.Engine."""

    def __init__(self):
        self._lock = threading.Lock()
        self._voices = None  # id to tones.Voice while the model is loaded
        self._active = 0
        self.Load(pb.LoadRequest(model=MODEL), None)

    def Describe(self, request, context):
        with self._lock:
            loaded = self._voices is not None
        voices = [
            pb.Voice(id=id, name=f"Tones, {id}", languages=["zxx"], gender=pb.GENDER_NEUTRAL, sample_rate=tones.RATE)
            for id in PITCHES  # "zxx" is BCP 47 for: no language. No text is sent here unless the voice is asked for
        ]
        return pb.DescribeResponse(
            name="tone",
            version="1",
            max_concurrency=AT_ONCE,
            models=[pb.Model(id=MODEL, loaded=loaded, voices=voices)],
            capabilities=pb.Capabilities(
                speed_min=SPEED_MIN, speed_max=SPEED_MAX, max_characters=MAX_CHARACTERS, timings=[pb.TIMING_KIND_WORD]
            ),
        )

    def Load(self, request, context):
        if request.model != MODEL:
            context.abort(grpc.StatusCode.NOT_FOUND, "model: there is none with this id")
        with self._lock:
            if self._voices is None:
                self._voices = {id: tones.Voice(pitch) for id, pitch in PITCHES.items()}
        return pb.LoadResponse()

    def Unload(self, request, context):
        if request.model != MODEL:
            context.abort(grpc.StatusCode.NOT_FOUND, "model: there is none with this id")
        with self._lock:
            self._voices = None  # a call that runs keeps its voice until it ends
        return pb.UnloadResponse()

    def Health(self, request, context):
        with self._lock:
            return pb.HealthResponse(active=self._active)

    def Synthesize(self, request, context):
        speed = check(request, context)
        voice = self._enter(request.voice, context)
        yield pb.SynthesizeResponse(format=pb.AudioFormat(sample_rate=tones.RATE))
        found = tones.words(request.text)
        if not found:
            yield pb.SynthesizeResponse(warning="the text has no letter and no digit: there is nothing to play")
        stream = Stream()
        for word, begin, size, pause in found:
            letters = sum(c.isalnum() for c in word)
            if pb.TIMING_KIND_WORD in request.timings:
                yield pb.SynthesizeResponse(
                    timing=pb.Timing(
                        kind=pb.TIMING_KIND_WORD,
                        text_offset=begin,
                        text_length=size,
                        sample=stream.samples,
                        samples=letters * round(tones.LETTER * tones.RATE / speed),
                    )
                )
            for pcm in tones.samples_of(word, voice, speed):
                if not context.is_active():  # cancelled: stop computing
                    return
                yield from stream.add(pcm)
            yield from stream.add(tones.silence((tones.GAP + pause * tones.PAUSE) / speed))
        yield from stream.rest()
        yield pb.SynthesizeResponse(end=pb.End(samples=stream.samples))

    def _enter(self, voice, context):
        """Counts the call until it ends, however it ends, and returns its voice."""
        if voice not in PITCHES:
            context.abort(grpc.StatusCode.NOT_FOUND, "voice: there is none with this id")
        with self._lock:
            if self._voices is None:
                refusal = grpc.StatusCode.FAILED_PRECONDITION, "the model is not loaded"
            elif self._active >= AT_ONCE:
                refusal = grpc.StatusCode.RESOURCE_EXHAUSTED, f"{AT_ONCE} texts are played already"
            else:
                refusal = None
                self._active += 1
                chosen = self._voices[voice]
        if refusal:
            context.abort(*refusal)
        if not context.add_callback(self._leave):  # it was cancelled meanwhile
            self._leave()
        return chosen

    def _leave(self):
        with self._lock:
            self._active -= 1


def check(request, context):
    """Refuses a request that is out of range, and returns its speed. A message never holds the text."""
    speed = request.speed or 1.0
    if not request.text:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "text is empty")
    if len(request.text) > MAX_CHARACTERS:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"text has {len(request.text)} characters of {MAX_CHARACTERS}")
    if math.isnan(speed) or not SPEED_MIN <= speed <= SPEED_MAX:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"speed must be from {SPEED_MIN} to {SPEED_MAX}")
    return speed


class Stream:
    """Cuts samples into frames that grow."""

    def __init__(self):
        self.samples = 0  # that were added
        self._buffer = bytearray()
        self._next = 0

    def add(self, pcm):
        """Takes samples and yields the frames that they complete."""
        self.samples += len(pcm) // 2
        self._buffer += pcm
        while len(self._buffer) >= (size := FRAMES_MS[self._next] * tones.RATE // 1000 * 2):
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._next = min(self._next + 1, len(FRAMES_MS) - 1)
            yield pb.SynthesizeResponse(audio=frame)

    def rest(self):
        """Yields what is left."""
        if self._buffer:
            yield pb.SynthesizeResponse(audio=bytes(self._buffer))


def leave_at_end_of_input():
    """Ends the program when standard input does: the parent is gone, or wants this program gone."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)  # at once, whatever runs


def main():
    path = os.environ.get("OROTUND_WORKER_SOCKET")
    if not path or os.environ.get("OROTUND_WORKER_SERVICE", SERVICE) != SERVICE:
        print("engine.py: Orotund starts this program; see README.md", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the parent too, which decides
    # Each call occupies a thread. Those beyond AT_ONCE answer Health, and refuse.
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=2 * AT_ONCE + 4))
    rpc.add_EngineServicer_to_server(Engine(), server)
    server.add_insecure_port("unix:" + path)
    server.start()
    print(f"OROTUND-WORKER 1 {SERVICE} unix:{path}", flush=True)
    threading.Thread(target=leave_at_end_of_input, daemon=True).start()
    server.wait_for_termination()
    return 0


if __name__ == "__main__":
    sys.exit(main())
