#!/usr/bin/env bash
# A fresh machine: deploy/quickstart.sh and tests/run.sh in a debootstrap chroot that holds nothing but the base system and a
# clone of this repository's last commit. Root only, otherwise it says so and skips.
#
#   fresh.sh [--only quickstart|tests] [--dir DIR] [--keep] [--ccache DIR] [LAYER...]
#
# LAYER: only these layers of tests/run.sh.
# --dir: where a new folder for the chroot is made (/var/tmp); its file system must allow devices and programs. --keep: do not
# delete that. --ccache: share that directory of ccache with the chroot; not what a newcomer has, for trying this script.
# Packages come from where this machine's apt gets them. Proc and dev are mounted in a mount namespace of the script's own, whose
# process namespace ends everything that was started in it. Exit codes: 0 passed, 1 failed, 2 usage, 77 skipped.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
only="" dir=/var/tmp keep=false ccache="" layers=()

say() { echo "fresh: $*"; }
skip() { say "skipped: $*"; exit 77; }
usage() { sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

arguments=("$@")
while (($#)); do
  case $1 in
    --only) [[ ${2:-} == quickstart || ${2:-} == tests ]] || usage; only=$2; shift ;;
    --dir) [[ ${2:-} == /* ]] || usage; dir=$2; shift ;;
    --ccache) [[ -d ${2:-} ]] || usage; ccache=$2; shift ;;
    --keep) keep=true ;;
    -*) usage ;;
    *) layers+=("$1") ;;
  esac
  shift
done
((EUID == 0)) || skip "only root can make a chroot"
command -v debootstrap >/dev/null || skip "not installed: debootstrap"
command -v unshare >/dev/null || skip "not installed: unshare"

# From here on in namespaces of its own: whatever ends this script ends its mounts and its processes.
if [[ -z ${KRONIKA_FRESH_INSIDE:-} ]]; then
  dir="$(mktemp -d -p "$dir" kronika-fresh.XXXXXX)"
  code=0
  KRONIKA_FRESH_INSIDE="$dir" unshare --mount --pid --fork --kill-child --propagation private --mount-proc \
    "${BASH_SOURCE[0]}" "${arguments[@]}" || code=$?
  # The mounts are gone with their namespace; --one-file-system is for the day on which they are not.
  if $keep; then say "kept: $dir"; else rm -rf --one-file-system "$dir"; fi
  exit "$code"
fi
dir=$KRONIKA_FRESH_INSIDE
chroot="$dir/root"
# shellcheck source=/dev/null
suite="$(. /etc/os-release && echo "$VERSION_CODENAME")"

# Where this machine's apt gets the distribution itself from; nothing: debootstrap's own default.
mirror() {
  apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v suite="$suite" '$1 == suite && $2 == "main" && !found {print $3; found = 1}'
}

# What lets apt, Maven and npm reach their servers from here works in the chroot, too.
copy_settings() {
  local path
  rm -rf "$chroot/etc/apt/sources.list"
  for path in /etc/apt /usr/share/keyrings /usr/local/share/ca-certificates /etc/resolv.conf /etc/hosts "$HOME/.npmrc" \
    "$HOME/.m2/settings.xml"; do
    [[ ! -e $path ]] || (cd / && cp -rL --parents ".$path" "$chroot")
  done
}

make_chroot() {
  local from
  from="$(mirror)"
  say "the base system of $suite"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$chroot" ${from:+"$from"} >"$dir/debootstrap.log" 2>&1 ||
    { tail -n 15 "$dir/debootstrap.log" >&2; say "debootstrap failed"; exit 1; }
  copy_settings
  git clone -q --no-hardlinks "$root" "$chroot/kronika"
  # The root of a mount, as on a machine: the test of power cuts makes mounts of its own from there.
  mount --bind "$chroot" "$chroot"
  mount -t proc proc "$chroot/proc"
  mount --rbind /dev "$chroot/dev"
  mount -t sysfs -o ro sysfs "$chroot/sys"
  mount -t tmpfs tmpfs "$chroot/tmp"
  if [[ -n $ccache ]]; then
    mkdir -p "$chroot/root/.cache/ccache"
    mount --bind "$ccache" "$chroot/root/.cache/ccache"
  fi
  inside update-ca-certificates >/dev/null 2>&1
}

inside() {
  local variables=(HOME=/root LANG=C.UTF-8 TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin) name
  for name in http_proxy https_proxy no_proxy; do [[ -z ${!name:-} ]] || variables+=("$name=${!name}"); done
  chroot "$chroot" /usr/bin/env -i "${variables[@]}" "$@"
}

step() {
  local name=$1 begin=$SECONDS code=0
  shift
  say "$name"
  inside bash -c "cd /kronika && $*" </dev/null || code=$?
  say "$name: exit code $code after $((SECONDS - begin)) s"
  ((code == 0)) || exit 1
}

make_chroot
[[ $only == tests ]] || step "deploy/quickstart.sh" "./deploy/quickstart.sh && ./deploy/cluster.sh stop"
[[ $only == quickstart ]] || step "tests/run.sh" "./tests/run.sh ${layers[*]}"
say "passed on $(date -u +%Y-%m-%d) at commit $(git -C "$root" rev-parse --short=12 HEAD), $suite"
