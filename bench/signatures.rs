//! Whether a million signatures are, octet for octet, those of the crate `p256`: random keys and messages,
//! on all processors. `make signatures` runs it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "compares, and may stop at what it does not expect"
)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use edge_token::jose::es256::Es256;
use jwt_compact::{Algorithm as _, AlgorithmSignature as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

const SIGNATURES: usize = 1_000_000;
/// After how many the progress is told.
const STEP: usize = 100_000;

fn main() -> ExitCode {
    let start = Instant::now();
    let (done, different) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while done.fetch_add(1, Ordering::Relaxed) < SIGNATURES {
            if !is_the_crates() {
                different.fetch_add(1, Ordering::Relaxed);
            }
            let done = done.load(Ordering::Relaxed);
            if done.is_multiple_of(STEP) && done < SIGNATURES {
                eprintln!("{done} of {SIGNATURES} in {} s", start.elapsed().as_secs());
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(work);
        }
    });
    let (different, seconds) = (different.into_inner(), start.elapsed().as_secs());
    println!("{SIGNATURES} signatures, {different} of them not those of p256, in {seconds} s");
    match different {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Draws a key and a message of 0 to 255 octets, and signs it by both.
fn is_the_crates() -> bool {
    let mut octets = [0; 32 + 1 + 255];
    getrandom::fill(&mut octets).unwrap();
    let (key, rest) = octets.split_at(32);
    let (length, message) = rest.split_first().unwrap();
    let message = &message[..usize::from(*length)];
    // Fewer than one in 2^32 random numbers are no key.
    let Ok(key) = SigningKey::from_slice(key) else {
        return true;
    };
    let crates: Signature = key.sign(message);
    *Es256.sign(&key, message).as_bytes() == *crates.to_bytes()
}
