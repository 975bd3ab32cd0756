# What scripts/serve and scripts/test share. Sourced by them, from the top of the checkout.

# shellcheck disable=SC2034 # the arrays are for those who source this
base_packages=(g++ meson ninja-build pkg-config python3 libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev zlib1g-dev
  libfmt-dev libspdlog-dev libcli11-dev curl ca-certificates)
# redis-tools has the server's program too, and unlike redis-server starts no service.
test_packages=(catch2 libhiredis-dev redis-tools openssl python3-jsonschema python3-prometheus-client python3-yaml
  bubblewrap runc)
fuzz_packages=(clang-16 libclang-rt-16-dev)
# It only makes builds faster, so a user who cannot install it goes without.
((EUID != 0)) || command -v ccache >/dev/null || base_packages+=(ccache)

say() { printf '%s\n' "== $*" >&2; }

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

missing_packages() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
}

# install_packages PACKAGE...: what is there already is not asked for, so that no network is needed.
install_packages() {
  command -v dpkg-query >/dev/null || {
    say "this is no Debian: these packages, or what they are called here, are taken to be there: $*"
    return
  }
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || die "not root, and these packages are missing: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Meson runs the compiler through ccache where it is there. Precompiled headers and another checkout's folder
# would make it miss.
use_ccache() {
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  export CCACHE_NOHASHDIR=1
}

# configure DIR OPTION...: sets DIR up, again where the options have changed.
configure() {
  local dir=$1
  shift
  local stamp=$dir/options
  if [[ -f $dir/build.ninja && -f $stamp && $(<"$stamp") == "$*" ]]; then
    return 0
  fi
  local again=()
  [[ -f $dir/build.ninja ]] && again=(--reconfigure)
  meson setup "${again[@]}" "$dir" "$@" >"/tmp/hotslot-setup.$$" 2>&1 || {
    cat "/tmp/hotslot-setup.$$" >&2
    rm -f "/tmp/hotslot-setup.$$"
    return 1
  }
  rm -f "/tmp/hotslot-setup.$$"
  echo "$*" >"$stamp"
}

has_node() { command -v node >/dev/null && command -v npm >/dev/null; }

# npm_ci DIR: the dependencies of the package there, as its lock file has them.
npm_ci() {
  local dir=$1
  [[ $dir/node_modules/.package-lock.json -nt $dir/package-lock.json ]] && return
  say "npm ci in $dir"
  (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error)
}
