# shellcheck shell=bash
# ./dev bench: Go benchmarks of every module, with allocations. Arguments go to "go test", so
# "./dev bench -bench=Resample -count=10" works too. Those of ./test run against the program as it
# ships: time to the first byte, effects and encoders against the usual programs, the cost of many
# segments, and 1 MB of text in one request.
# shellcheck source=tools/dev/build.sh
source tools/dev/build.sh

main() {
  local module
  find_go
  install_packages "${PACKAGES[@]}"
  build_all
  export OROTUND_TEST_BIN=$ROOT/bin
  for module in $(buildable_modules); do
    say "bench $module"
    (cd "$module" && go test -run='^$' -bench=. -benchmem -timeout 60m "$@" ./...)
  done
}
