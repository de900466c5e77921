# shellcheck shell=bash
# ./dev clean-room: proves the README's two commands on a fresh Debian 12 that has Go and git only.
# A new chroot is unpacked, the committed state of this repository is cloned inside, and
# clean-room-inside.sh runs there. Nothing of this machine is seen inside but the Go toolchain, the
# way to the package archives (apt's sources and keys, the Go proxy, certificates) and the clock.

readonly SUITE=bookworm

# The port that "./dev run" serves on by default: the chroot shares the machine's network.
readonly PORT=8700

# archive prints the Debian archive that this machine uses for the suite.
archive() {
  local uri=''
  if command -v apt-get >/dev/null; then
    # shellcheck disable=SC2016 # apt's own variables
    uri=$(apt-get indextargets --format '$(IDENTIFIER) $(CODENAME) $(REPO_URI)' |
      awk -v suite=$SUITE '$1 == "Packages" && $2 == suite { print $3; exit }')
  fi
  printf '%s\n' "${uri:-http://deb.debian.org/debian}"
}

# base prints the path of the packed base system, and makes it first where it is not cached.
base() {
  local packed dir
  packed=$(cache_dir)/clean-room/$SUITE.tar.gz
  if [ ! -e "$packed" ]; then
    warn "debootstrap $SUITE (once)"
    mkdir -p "$(dirname "$packed")"
    dir=$(mktemp -d)
    debootstrap --variant=minbase "$SUITE" "$dir/root" "$(archive)" >"$dir/log" 2>&1 || {
      tail -n 20 "$dir/log" >&2
      die "debootstrap failed; its log is in $dir/log"
    }
    tar -C "$dir/root" -czf "$packed.part" .
    mv "$packed.part" "$packed"
    rm -rf "$dir"
  fi
  printf '%s\n' "$packed"
}

# furnish copies into the chroot how this machine reaches the archives. Apt's hooks stay behind:
# they call programs that a fresh system has not.
furnish() {
  local room=$1 name
  cp -L /etc/resolv.conf /etc/hosts "$room/etc/"
  for name in sources.list sources.list.d preferences.d trusted.gpg.d keyrings; do
    [ ! -e "/etc/apt/$name" ] || cp -rT "/etc/apt/$name" "$room/etc/apt/$name"
  done
  [ ! -d /usr/share/keyrings ] || cp -rT /usr/share/keyrings "$room/usr/share/keyrings"
  apt-config dump | grep '^Acquire::.*"[^"]' >"$room/etc/apt/apt.conf.d/99host" || true
  mkdir -p "$room/usr/local/share/ca-certificates" "$room/etc/ssl/certs"
  [ ! -d /usr/local/share/ca-certificates ] ||
    cp -rT /usr/local/share/ca-certificates "$room/usr/local/share/ca-certificates"
  [ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$room/etc/ssl/certs/"
  cp "$ROOT/tools/dev/clean-room-inside.sh" "$room/root/"
  mkdir -p "$room/usr/local/go" "$room/mnt/repository"
}

# enter runs the inside script in the chroot, in mount and process namespaces of its own: when it
# ends, whatever it mounted or left running is gone.
enter() {
  local room=$1
  # shellcheck disable=SC2016 # expanded by the inner shell
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PORT=$PORT \
    GOPROXY="$(go env GOPROXY)" GOSUMDB="$(go env GOSUMDB)" GONOSUMDB="$(go env GONOSUMDB)" \
    GOPRIVATE="$(go env GOPRIVATE)" http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
    HTTP_PROXY="${HTTP_PROXY:-}" HTTPS_PROXY="${HTTPS_PROXY:-}" NO_PROXY="${NO_PROXY:-}" \
    unshare --mount --pid --fork --kill-child bash -euc '
      room=$1 go=$2 repository=$3
      mount --make-rprivate /
      mount -t proc proc "$room/proc"
      mount --rbind /dev "$room/dev"
      mount --bind "$go" "$room/usr/local/go"
      mount -o remount,bind,ro "$room/usr/local/go"
      mount --bind "$repository" "$room/mnt/repository"
      mount -o remount,bind,ro "$room/mnt/repository"
      exec chroot "$room" /bin/bash /root/clean-room-inside.sh
    ' enter "$room" "$(go env GOROOT)" "$(git rev-parse --absolute-git-dir)" </dev/null
}

check_possible() {
  [ "$(id -u)" -eq 0 ] || die "clean-room: needs root: it makes a chroot and mounts into it"
  command -v apt-get >/dev/null || die "clean-room: needs a Debian-like machine with debootstrap"
  install_packages debootstrap
  command -v debootstrap >/dev/null || die "clean-room: debootstrap is not installed"
  git rev-parse --verify -q HEAD >/dev/null || die "clean-room: nothing is committed yet"
  if bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT" 2>/dev/null; then
    die "clean-room: port $PORT is in use; stop what listens there"
  fi
  [ -z "$(git status --porcelain)" ] || warn "uncommitted changes are not seen by the clean room"
}

main() {
  local packed status=0
  find_go
  check_possible
  packed=$(base)
  room=$(mktemp -d)
  trap 'rm -rf --one-file-system "$room"' EXIT
  say "a fresh $SUITE"
  tar -C "$room" -xzf "$packed"
  furnish "$room"
  enter "$room" || status=$?
  [ $status -eq 0 ] || die "clean-room: failed with status $status"
  say "clean-room: ./dev test and ./dev run work on a fresh Debian 12"
}
