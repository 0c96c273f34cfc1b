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

# Installed by itself, or provided by another package (NodeSource's nodejs brings npm).
package_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ||
    dpkg-query --show --showformat='${db:Status-Status}, ${Provides}\n' |
      awk -v want="$1" -F ', *' '$1 == "installed" {
          for (i = 2; i <= NF; ++i) { sub(/ .*/, "", $i); if ($i == want) found = 1 }
        }
        END { exit !found }'
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

# install_page_tests: what the tests of the page need from npm, as locked. Without the registry they are skipped,
# and this says so.
install_page_tests() {
  local folder="$repository/tests/page" log
  if ! command -v npm >/dev/null || [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
    return 0
  fi
  log="$(mktemp)"
  if ! npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts --fetch-timeout=30000 --fetch-retries=1 \
      </dev/null >"$log" 2>&1; then
    tail -5 "$log" >&2
    printf 'the page is not tested in a browser: npm could not fetch playwright-core (is its registry reachable?)\n' >&2
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
