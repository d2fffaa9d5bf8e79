#!/bin/bash
# Builds this project with p256 0.13 for signing, from a copy of the sources in the folder $1.
set -euo pipefail
mkdir -p "$1"
rm -rf "$1/src"
cp -r src Cargo.toml Cargo.lock rust-toolchain.toml "$1"
cp "$(dirname "$0")/es256.rs" "$1/src/jose/es256.rs"
cd "$1"
sed -i -e 's/^members = .*/members = []/' -e '/^\[\[bench\]\]/,/^$/d' \
  -e 's/^\[dependencies\]$/&\np256_0_13 = { package = "p256", version = "0.13.2", default-features = false, features = ["ecdsa", "std"] }\ngetrandom_0_2 = { package = "getrandom", version = "0.2", features = ["js"] }/' Cargo.toml
CARGO_TARGET_DIR=../../p256-0.13 worker-build --release
