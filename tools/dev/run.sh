# shellcheck shell=bash
# ./dev run: from a fresh clone to a server that speaks.
# shellcheck source=tools/dev/build.sh
source tools/dev/build.sh

main() {
  find_go
  install_packages "${PACKAGES[@]}"
  build_all
  exec bin/orotund serve "$@"
}
