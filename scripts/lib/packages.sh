# What Debian calls that which the scripts need. Sourced by scripts/lib/common.sh.
#
# Two variables choose among what a release has, where its default is not wanted:
#   HOTSLOT_BOOST=1.88                   another Boost
#   CXX="clang++-19 -stdlib=libc++"      another compiler, or another standard library
# Who has a Boost of their own sets BOOST_ROOT, which Meson knows, too.

# shellcheck disable=SC2034 # the arrays are for those who source this
debian_release() {
  local VERSION_CODENAME=
  ! [[ -r /etc/os-release ]] || source /etc/os-release
  printf '%s' "${VERSION_CODENAME-}"
}

# The newest that is there and new enough: Debian has one at a time.
installed_boost() {
  local name version=
  while read -r name; do
    [[ $name =~ ^libboost1\.([0-9]+)-dev\ installed$ ]] && ((BASH_REMATCH[1] >= 81)) && version=1.${BASH_REMATCH[1]}
  done <<<"$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' 'libboost1.*-dev' 2>/dev/null)"
  printf '%s' "$version"
}

case $(debian_release) in
bookworm) default_boost=1.81 clang=16 promtool_package=prometheus ;;
*) default_boost=1.83 clang=19 promtool_package=promtool ;; # trixie
esac
boost=${HOTSLOT_BOOST:-$(installed_boost)}
boost=${boost:-$default_boost}

base_packages=(g++ meson ninja-build pkg-config python3 libssl-dev zlib1g-dev libfmt-dev libspdlog-dev libcli11-dev curl ca-certificates)
[[ -n ${BOOST_ROOT-} ]] || base_packages+=("libboost$boost-dev" "libboost-json$boost-dev")
# redis-tools has the server's program too, and unlike redis-server starts no service.
test_packages=(catch2 cmake doxygen libhiredis-dev redis-tools libpq-dev postgresql openssl python3-jsonschema
  python3-prometheus-client python3-yaml bubblewrap runc zsh fish)

for word in ${CXX-}; do
  case $word in
  g++-*) base_packages+=("$word") ;;
  clang++-*) clang=${word##*-} && base_packages+=("clang-$clang") ;;
  -stdlib=libc++) base_packages+=("libc++-$clang-dev" "libc++abi-$clang-dev") ;;
  esac
done
# The sanitizers are clang's, and so are the fuzzers.
clang_packages=("clang-$clang" "libclang-rt-$clang-dev")
unset word

# It only makes builds faster, so a user who cannot install it goes without.
((EUID != 0)) || command -v ccache >/dev/null || base_packages+=(ccache)
