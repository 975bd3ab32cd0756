# What scripts/serve and scripts/test share. Sourced by them, from the top of the checkout.

source scripts/lib/packages.sh

say() { printf '%s\n' "== $*" >&2; }

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# On one line. (Where /proc is not there, nor is /dev/fd, by which one would read lines into an array.)
missing_packages() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || printf '%s ' "$package"
  done
}

# install_packages PACKAGE...: what is there already is not asked for, so that no network is needed.
install_packages() {
  command -v dpkg-query >/dev/null || {
    say "this is no Debian: these packages, or what they are called here, are taken to be there: $*"
    return
  }
  local missing
  read -r -a missing <<<"$(missing_packages "$@")"
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || die "not root, and these packages are missing: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  [[ " ${missing[*]} " != *" postgresql "* ]] || without_database
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# PostgreSQL's package would make a database and start a server for it, which nobody asked for.
without_database() {
  local conf=/etc/postgresql-common/createcluster.conf
  [[ ! -e $conf ]] || return 0
  mkdir -p "${conf%/*}"
  echo 'create_main_cluster = false' >$conf
}

# Meson by itself runs only the default compiler through ccache. Precompiled headers and another checkout's folder would make it
# miss; but a header that Clang has precompiled can only be used in the folder that it was made in.
use_ccache() {
  [[ -z ${CXX-} || $CXX == *ccache* ]] || ! command -v ccache >/dev/null || export CXX="ccache $CXX"
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  [[ ${CXX-} == *clang* ]] || export CCACHE_NOHASHDIR=1
}

# What a build looks for once, when it is set up.
programs=(node npm chromium chromium-browser google-chrome prometheus promtool nginx clang++ "clang++-$clang" cmake)

# configure DIR OPTION...: sets DIR up, anew where the options, the compiler or the programs that are there have changed.
configure() {
  local dir=$1
  shift
  local stamp=$dir/options set_up
  set_up="${CXX-} $boost $* $({ type -P "${programs[@]}" || true; } | tr '\n' ' ')" # some may be missing
  if [[ -f $dir/build.ninja && -f $stamp && $(<"$stamp") == "$set_up" ]]; then
    return 0
  fi
  rm -rf "$dir" # meson would keep options that are not given any more
  meson setup "$dir" "$@" >"/tmp/hotslot-setup.$$" 2>&1 || {
    cat "/tmp/hotslot-setup.$$" >&2
    rm -f "/tmp/hotslot-setup.$$"
    return 1
  }
  rm -f "/tmp/hotslot-setup.$$"
  echo "$set_up" >"$stamp"
}

has_node() { command -v node >/dev/null && command -v npm >/dev/null; }

# npm_ci DIR: the dependencies of the package there, as its lock file has them.
npm_ci() {
  local dir=$1
  [[ $dir/node_modules/.package-lock.json -nt $dir/package-lock.json ]] && return
  say "npm ci in $dir"
  (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error)
}
