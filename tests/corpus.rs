//! The fuzz targets on the inputs that lie in `fuzz/corpus`: what fuzzing found once is tried each
//! time, and the seeds still reach what they are for.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may stop at what they do not expect"
)]

#[path = "../fuzz/src/lib.rs"]
pub mod targets;

use std::collections::BTreeSet;
use std::path::Path;

use targets::{TARGETS, outcomes};

/// All outcomes of a target for its seeds, of which there is one.
fn replayed(name: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let seeds = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let read = |seed: std::io::Result<std::fs::DirEntry>| std::fs::read(seed.unwrap().path());
    let seeds = seeds.map(read).collect::<Result<Vec<_>, _>>().unwrap();
    assert!(!seeds.is_empty(), "{name} has no seed");
    let target = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    outcomes(target, &seeds)
}

#[test]
fn the_seeds_of_each_target_are_taken_and_refused() {
    for (name, _) in TARGETS {
        let seen = replayed(name);
        let expected: &[_] = match name {
            "service" => &[],
            _ => &["taken", "refused"],
        };
        for outcome in expected {
            assert!(seen.contains(*outcome), "{name}: nothing is {outcome}");
        }
    }
}

#[test]
fn the_seeds_of_the_service_reach_what_they_are_for() {
    let seen = replayed("service");
    for outcome in [
        "accept 200",
        "authorization 303",
        "discovery 200",
        "end_session 204",
        "end_session 303",
        "introspection active",
        "jwks 304",
        "keycloak authorization_code",
        "keycloak client_credentials",
        "keycloak refresh_token",
        "light-oauth2 authorization_code",
        "light-oauth2 client_authenticated_user",
        "light-oauth2 client_credentials",
        "none 404",
        "pushed_authorization 201",
        "realm 200",
        "registration 201",
        "registration 403",
        "reject 200",
        "resume 303",
        "revocation of a token",
        "rfc9068 authorization_code",
        "rfc9068 client_credentials",
        "rfc9068 refresh_token",
        "rfc9068 urn:ietf:params:oauth:grant-type:jwt-bearer",
        "rfc9068 urn:ietf:params:oauth:grant-type:token-exchange",
        "screening-eagle client_credentials",
        "ticket 200",
        "token 204",
        "token 401",
        "token 406",
        "token 413",
        "token 415",
        "token 503",
        "userinfo 200",
        "userinfo 401",
        "userinfo 503",
    ] {
        assert!(
            seen.contains(outcome),
            "no seed reaches {outcome}: {seen:#?}"
        );
    }
}
