//! A resource server verifies access tokens: Rust, with the crates `jsonwebtoken` and `ureq`.
//!
//! ```sh
//! ISSUER=… AUDIENCE=… JWKS_URI=… cargo run --example verify < tokens
//! ```

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, io};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

struct Verifier {
    /// `typ` of the realm's access tokens, in lower case.
    typ: Option<String>,
    validation: Validation,
    keys: PublishedKeys,
}

impl Verifier {
    fn new(issuer: &str, audience: &str, typ: &str, keys: PublishedKeys) -> Self {
        let typ = (!typ.is_empty()).then(|| media_type(typ));
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        validation.leeway = 60;
        Self {
            typ,
            validation,
            keys,
        }
    }

    /// The claims of an access token that is for this service and for whoever bears it.
    fn verify(&self, token: &str) -> Result<Map<String, Value>> {
        let header = decode_header(token)?;
        if header.typ.as_deref().map(media_type) != self.typ {
            return Err("typ is not that of access tokens".into());
        }
        if header.crit.is_some() {
            return Err("the header has extensions".into());
        }
        let kid = header.kid.ok_or("the header has no kid")?;
        let key = self.keys.find(&kid)?;
        let claims: Map<String, Value> = decode(token, &key, &self.validation)?.claims;
        // ID tokens have no jti. Tokens of light-oauth2, which have no typ, have no sub. The crate
        // takes a list of issuers too.
        let is_text = |name| claims.get(name).is_some_and(Value::is_string);
        if !is_text("iss") || !is_text("jti") || (self.typ.is_some() && !is_text("sub")) {
            return Err("iss, jti or sub is no text".into());
        }
        if claims.contains_key("cnf") {
            return Err("the token is bound to a key".into());
        }
        Ok(claims)
    }
}

/// A `typ`, as media types are compared (RFC 7515 §4.1.9).
fn media_type(typ: &str) -> String {
    let typ = typ.to_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}

/// The keys that the service publishes. A copy of them is good for `max_age`. A `kid` that it lacks
/// may be new: then they are fetched again, unless that was less than `cooldown` ago.
struct PublishedKeys {
    uri: String,
    max_age: Duration,
    cooldown: Duration,
    agent: ureq::Agent,
    copy: Mutex<KeysCopy>,
}

struct KeysCopy {
    set: JwkSet,
    fetched: Option<Instant>,
    /// When they were last asked for, with success or without.
    asked: Option<Instant>,
}

impl PublishedKeys {
    fn new(uri: String, max_age: Duration, cooldown: Duration) -> Self {
        let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5)));
        Self {
            uri,
            max_age,
            cooldown,
            agent: agent.build().into(),
            copy: Mutex::new(KeysCopy {
                set: JwkSet { keys: Vec::new() },
                fetched: None,
                asked: None,
            }),
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a resource server has a clock")]
    fn find(&self, kid: &str) -> Result<DecodingKey> {
        let past = |since: Option<Instant>, age| since.is_none_or(|moment| moment.elapsed() >= age);
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unknown = copy.set.find(kid).is_none();
        if past(copy.fetched, self.max_age) || (is_unknown && past(copy.asked, self.cooldown)) {
            copy.asked = Some(Instant::now());
            let mut answer = self.agent.get(&self.uri).call()?;
            copy.set = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
            copy.fetched = copy.asked;
        }
        let jwk = copy.set.find(kid).ok_or("no published key has that kid")?;
        Ok(DecodingKey::from_jwk(jwk)?)
    }
}

fn main() -> Result<()> {
    let text = |name| env::var(name).map_err(|error| format!("{name}: {error}"));
    let seconds = |name, default| match env::var(name) {
        Ok(text) => text.parse().map(Duration::from_secs),
        Err(_) => Ok(Duration::from_secs(default)),
    };
    let keys = PublishedKeys::new(
        text("JWKS_URI")?,
        seconds("MAX_AGE", 300)?,
        seconds("COOLDOWN", 30)?,
    );
    let typ = text("TYP").unwrap_or_else(|_| "at+jwt".to_owned());
    let verifier = Verifier::new(&text("ISSUER")?, &text("AUDIENCE")?, &typ, keys);
    for token in io::stdin().lines() {
        match verifier.verify(&token?) {
            Ok(claims) => println!("{}", Value::Object(claims)),
            Err(reason) => println!("refused: {reason}"),
        }
    }
    Ok(())
}
