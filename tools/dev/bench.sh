# shellcheck shell=bash
# ./dev bench: Go benchmarks of every module, with allocations. Arguments go to "go test", so
# "./dev bench -bench=Resample -count=10" works too.

main() {
  local module
  find_go
  install_packages "${PACKAGES[@]}"
  for module in $(buildable_modules); do
    say "bench $module"
    (cd "$module" && go test -run='^$' -bench=. -benchmem "$@" ./...)
  done
}
