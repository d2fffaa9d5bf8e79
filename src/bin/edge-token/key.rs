//! `key`: signing keys.

use clap::Subcommand;
use edge_token::jose::{PrivateJwk, SigningKey};
use edge_token::time::UnixTime;
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::target::{Kind, Target};
use crate::{Error, now, random};

const DAY: u64 = 24 * 60 * 60;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a signing key and store it as the only one of its secret
    ///
    /// The key signs from now until it expires. With --print, the private JWK Set goes to standard
    /// output, for `wrangler secret put`; else only public facts do.
    Generate {
        /// The secret that is to hold the key
        #[arg(long, default_value = "SIGNING_KEYS", value_name = "NAME")]
        secret: String,
        /// For how many days the key is good
        #[arg(long, default_value_t = 365, value_name = "DAYS",
              value_parser = clap::value_parser!(u64).range(1..=3650))]
        lifetime: u64,
        /// Overwrite the keys that the secret holds: no token signed with them verifies any more
        #[arg(long)]
        force: bool,
    },
}

pub(crate) fn run(command: Command, target: &Target) -> Result<String, Error> {
    match command {
        Command::Generate {
            secret,
            lifetime,
            force,
        } => generate(target, &secret, lifetime, force),
    }
}

fn generate(target: &Target, secret: &str, days: u64, force: bool) -> Result<String, Error> {
    let is_name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    if secret.is_empty() || !secret.bytes().all(is_name) {
        return Err(Error::Argument(
            "--secret must be upper-case letters, digits and `_`".into(),
        ));
    }
    if target.kind != Kind::Print && !force && target.has_secret(secret)? {
        return Err(Error::State(format!(
            "the secret {secret} exists, nothing was changed: --force overwrites it, and no token \
             signed with its keys will verify any more"
        )));
    }
    let not_before = now();
    let expiration = UnixTime::from_seconds(
        not_before
            .seconds()
            .saturating_add(days.saturating_mul(DAY)),
    );
    let key = loop {
        let octets = Zeroizing::new(random()?);
        if let Some(key) = SigningKey::generate(&octets, not_before, expiration) {
            break key;
        }
    };
    let jwk_set = Zeroizing::new(serde_json::to_string(&PrivateJwkSet {
        keys: [key.to_private_jwk()],
    })?);
    if target.kind == Kind::Print {
        eprintln!(
            "This is a private key: pipe it to `wrangler secret put {secret}`, keep no copy."
        );
        return Ok(jwk_set.to_string());
    }
    target.put_secret(secret, &jwk_set)?;
    eprintln!("Stored a new signing key in {secret}. It is good for {days} days.");
    if target.kind == Kind::Local {
        eprintln!("Start `make run` again to serve it.");
    }
    Ok(json!({
        "secret": secret,
        "kid": key.kid(),
        "nbf": not_before,
        "exp": expiration,
    })
    .to_string())
}

#[derive(Serialize)]
struct PrivateJwkSet<'a> {
    keys: [PrivateJwk<'a>; 1],
}
