# shellcheck shell=bash
# Shared by scripts/quickstart, scripts/test and .ci/run. Source it; it runs nothing by itself.

# Root of the repository, whatever directory the caller stands in.
repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() { printf '\n== %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# packages_of GROUP...: the packages of these groups of scripts/packages, one a line.
packages_of() {
  local group
  for group in "$@"; do
    sed -n "s/^$group://p" "$repository/scripts/packages"
  done | tr -s ' ' '\n' | sed '/^$/d'
}

package_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages GROUP...: installs what is missing, as root or through sudo. Where nothing is missing it
# calls neither apt nor sudo, so a prepared machine needs no rights and no network.
install_packages() {
  local missing=() package as_root=()
  for package in $(packages_of "$@"); do
    package_installed "$package" || missing+=("$package")
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    return 0
  fi
  command -v apt-get >/dev/null ||
    fail "needs these Debian packages (or their like on your system): ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "run me as root, or install sudo; missing packages: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  # No recommended packages: they would treble the download. No questions: nobody may be watching.
  local environment=(env DEBIAN_FRONTEND=noninteractive)
  local log
  log="$(mktemp)"
  if ! { "${as_root[@]}" "${environment[@]}" apt-get update -qq &&
         "${as_root[@]}" "${environment[@]}" apt-get install -qq --yes --no-install-recommends \
           -o Dpkg::Use-Pty=0 "${missing[@]}"; } </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "apt-get could not install: ${missing[*]}"
  fi
  rm -f "$log"
}

# configure_and_build PRESET [CMAKE OPTION]...: leaves build/PRESET ready. Environment: JOBS limits the
# compilers that run at once (default: all hardware threads), TARGETS names what to build (default: all).
configure_and_build() {
  local preset="$1" launcher=()
  shift
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  local log
  log="$(mktemp)"
  # Configuring is 60 lines that matter only when they fail.
  if ! cmake --preset "$preset" "${launcher[@]}" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "cmake --preset $preset failed"
  fi
  rm -f "$log"
  # shellcheck disable=SC2086  # TARGETS is a list
  cmake --build "build/$preset" --parallel "${JOBS:-$(nproc)}" ${TARGETS:+--target $TARGETS}
}
