#!/bin/bash
# The part of ./dev clean-room that runs in the fresh system: what the README tells a newcomer to
# do, and nothing that it does not tell.
set -euo pipefail

step() { printf '\n==> clean room: %s (%s s)\n' "$*" "$SECONDS"; }

# speak TEXT FILE: asks the server for a WAV and checks that it is one, with sound in it.
speak() {
  curl -fsS --max-time 30 -o "$2" "http://127.0.0.1:$PORT/v1/audio/speech" -H 'Content-Type: application/json' \
    -d "{\"model\":\"tts-1\",\"voice\":\"alloy\",\"response_format\":\"wav\",\"input\":\"$1\"}"
  local kind sounding
  kind=$(head -c 12 "$2" | tr -d '\000' | tr -c '[:upper:]' '.')
  [[ $kind == RIFF*WAVE ]] || {
    echo "not a WAV file: $kind" >&2
    return 1
  }
  # Silence is zero bytes: half a second of speech at 16 kHz has far more that are not.
  sounding=$(tail -c +45 "$2" | tr -d '\000' | wc -c)
  [ "$sounding" -gt 10000 ] || {
    echo "no sound: $sounding bytes are not zero" >&2
    return 1
  }
  echo "$2: $(stat -c %s "$2") bytes"
}

step "git and certificates"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }
apt-get install -y -q --no-install-recommends git ca-certificates >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }
unset DEBIAN_FRONTEND

step "clone"
# The bound repository may belong to another user than root.
git config --global safe.directory '*'
git clone -q /mnt/repository /root/orotund
cd /root/orotund

step "./dev test"
./dev test

step "./dev run"
# curl is what the README speaks with; a minimal Debian has none.
command -v curl >/dev/null || apt-get install -y -q --no-install-recommends curl >/tmp/apt.log 2>&1
./dev run >/tmp/run.log 2>&1 &
server=$!
# ./dev run builds first; the server is ready when it answers.
if ! curl -fsS -o /dev/null --retry 120 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/v1/models"; then
  cat /tmp/run.log
  exit 1
fi
speak 'Hello from a clean room.' /tmp/en.wav
speak '你好，世界。' /tmp/zh.wav

step "SIGTERM"
kill -TERM "$server"
status=0
wait "$server" || status=$?
[ $status -eq 0 ] || { cat /tmp/run.log; echo "the server ended with status $status" >&2; exit 1; }

step "repeated: ./dev build"
./dev build
step "done"
