//! Proofs of possession, DPoP (RFC 9449): a client signs each request with a key of its own, and the
//! tokens that it gets are good with that key alone.
//!
//! Every proof carries a nonce of ours (§8): the moment when it was made, and a MAC. So proofs are
//! fresh by our clock whatever the client's says, and nothing needs to be stored of nonces.

mod htu;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::http::Request;
use crate::jose::{PublicKey, SigningKey, TokenError, UntrustedToken, numeric_date};
use crate::json::Object;
use crate::proof::replay::{Holder, Mark};
use crate::realm::Realm;
use crate::time::{MAX_AHEAD, Seconds, UnixTime};

/// For how long a nonce is good.
const NONCE_TTL: Seconds = Seconds(300);

/// Why a proof is none (RFC 9449 §4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// The client's tokens are for key holders, and the request shows no key.
    #[error("no DPoP proof")]
    Missing,
    /// No signed token, or not signed with its own key.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// `typ` is not `dpop+jwt`.
    #[error("its `typ` is not dpop+jwt")]
    TokenType,
    /// `jwk` is missing, private, or no P-256 key.
    #[error("its `jwk` is no public P-256 key")]
    Key,
    /// A claim is missing or has another type than it must have.
    #[error("its claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// `iat` or `nbf` is ahead.
    #[error("begins at {0}, now {1}")]
    NotYetValid(UnixTime, UnixTime),
    /// `nonce` is missing, none of ours, or too old.
    #[error("its `nonce` is missing, unknown or too old")]
    Nonce,
    /// `htm` is another method.
    #[error("its `htm` is another method")]
    Method,
    /// `htu` is another endpoint.
    #[error("its `htu` is another endpoint")]
    Uri,
    /// `ath` is missing or another token's.
    #[error("its `ath` is not the access token's")]
    AccessToken,
    /// It is of another key than the authorization request or the access token names.
    #[error("it is of another key")]
    OtherKey,
    /// The `jti` was used before.
    #[error("its `jti` was used before")]
    Replayed,
}

/// A good proof.
pub struct Proof {
    /// The thumbprint of its key (§6.1).
    pub jkt: String,
    /// What must be the first of its kind (§11.1).
    pub mark: Mark,
}

/// Checks the proof of a request to an endpoint of `realm`, if it has one (§4.3), and that it is for
/// the access token that comes with it, if there is one (§7).
///
/// # Errors
/// [`ProofError`].
pub fn verify(
    request: &Request<'_>,
    realm: &Realm,
    access_token: Option<&str>,
    now: UnixTime,
) -> Result<Option<Proof>, ProofError> {
    // 1. At most one header field: two arrive with a comma between, which no token has.
    let Some(text) = request.dpop else {
        return Ok(None);
    };
    // 2. A signed token that says it is a proof, with all its claims.
    let mut token = UntrustedToken::parse(text)?;
    let is_proof = |typ: &String| typ.eq_ignore_ascii_case("dpop+jwt");
    if !token.token_type.as_ref().is_some_and(is_proof) {
        return Err(ProofError::TokenType);
    }
    let jti = required(&mut token.claims, "jti")?;
    let method = required(&mut token.claims, "htm")?;
    let uri = required(&mut token.claims, "htu")?;
    // The nonce says how old it is, by our clock. What begins later is made for another time.
    for (claim, is_required) in [("iat", true), ("nbf", false)] {
        match numeric_date(&mut token.claims, claim) {
            Ok(Some(begins)) if begins > now.plus(MAX_AHEAD) => {
                return Err(ProofError::NotYetValid(begins, now));
            }
            Ok(Some(_)) => (),
            Ok(None) if !is_required => (),
            _ => return Err(ProofError::Claim(claim)),
        }
    }
    // 3. Of now, for this request.
    let nonce = required(&mut token.claims, "nonce").map_err(|_| ProofError::Nonce)?;
    let until = nonce_end(realm, &nonce, now).ok_or(ProofError::Nonce)?;
    if method != request.method {
        return Err(ProofError::Method);
    }
    let origins = realm.origins(request.authority);
    if !origins
        .iter()
        .any(|origin| htu::is_endpoint(&uri, origin, request.path))
    {
        return Err(ProofError::Uri);
    }
    if let Some(access_token) = access_token {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(access_token));
        let said = required(&mut token.claims, "ath").map_err(|_| ProofError::AccessToken)?;
        if said != hash {
            return Err(ProofError::AccessToken);
        }
    }
    // 4. Signed with the key that it brings.
    let key = token.jwk.take().map(PublicKey::parse);
    let Some(Ok(key)) = key else {
        return Err(ProofError::Key);
    };
    if !token.is_signed_by(Some(&key)) {
        return Err(TokenError::Signature.into());
    }
    let jkt = key.thumbprint.as_str().to_owned();
    let mark = Mark::new(&realm.name, Holder::Key(&jkt), &jti, until);
    Ok(Some(Proof { jkt, mark }))
}

/// Takes a text of 1 to 1024 octets.
fn required(claims: &mut Object, claim: &'static str) -> Result<String, ProofError> {
    let value = claims.require::<String>(claim, "a text").ok();
    let value = value.filter(|value| (1..=1024).contains(&value.len()));
    value.ok_or(ProofError::Claim(claim))
}

/// A nonce of the moment `now` (§8): eight octets of its seconds, and a MAC. `None` without a key.
#[must_use]
pub fn nonce(realm: &Realm, now: UnixTime) -> Option<String> {
    let key = realm.keys.signing(now, Seconds(0))?;
    let moment = now.seconds().to_be_bytes();
    let mac = nonce_mac(key, realm, &moment);
    Some(URL_SAFE_NO_PAD.encode([moment.as_slice(), &mac].concat()))
}

/// When a nonce of ours ends, if that is ahead.
fn nonce_end(realm: &Realm, nonce: &str, now: UnixTime) -> Option<UnixTime> {
    let octets = URL_SAFE_NO_PAD.decode(nonce).ok()?;
    let (moment, mac) = octets.split_first_chunk::<8>()?;
    // The key that signs now may be another than the one of that moment.
    let is_ours = |key| bool::from(nonce_mac(key, realm, moment).ct_eq(mac));
    if !realm.keys.iter().any(is_ours) {
        return None;
    }
    let moment = UnixTime::from_seconds(u64::from_be_bytes(*moment));
    let end = moment.plus(NONCE_TTL);
    (moment <= now.plus(MAX_AHEAD) && now < end).then_some(end)
}

fn nonce_mac(key: &SigningKey, realm: &Realm, moment: &[u8; 8]) -> [u8; 32] {
    key.mac(&[
        b"dpop nonce\0",
        realm.name.as_str().as_bytes(),
        b"\0",
        moment,
    ])
}
