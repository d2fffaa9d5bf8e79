//! Client authentication (RFC 6749 §2.3): what a request presents, and whether a client's record
//! bears it out. Nothing is looked up here.

mod assertion;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::Choice;
use zeroize::Zeroizing;

use crate::auth_method::AuthMethod;
use crate::client::{
    Client, ClientSecret, ClientSecretHash, ClientSecretsKey, NoClientSecretsKey, StoredSecret,
};
use crate::dialect::Dialect;
use crate::error::{Failure, Fault, Rejection};
use crate::form::{Form, decode};
use crate::name::ClientId;
use crate::proof::assertion::{Assertion, AssertionError};
use crate::proof::certificate::{ClientCertificate, Connection};
use crate::proof::replay::Mark;
use crate::realm::Realm;
use crate::time::UnixTime;

/// What a request presents to say which client it is from.
pub struct Credentials<'a> {
    client_ids: Vec<String>,
    proof: Proof<'a>,
}

/// What shows that it is.
enum Proof<'a> {
    /// A secret. Under HTTP Basic each half should be form-encoded (RFC 6749 §2.3.1), but curl and
    /// many libraries send it as it is. So a half that can be read in two ways is tried in both:
    /// hence the lists, with one or two entries each.
    Secret(AuthMethod, Vec<ClientSecret>),
    /// An assertion.
    Assertion(Box<Assertion<'a>>),
    /// Nothing in the request itself: a public client, or one with a certificate.
    None,
}

/// What authenticated a client.
#[derive(Debug, Default)]
pub struct Evidence {
    /// In which way it authenticated.
    pub method: Option<AuthMethod>,
    /// The name of its secret.
    pub secret_id: Option<String>,
    /// The name of the key that signed its assertion.
    pub client_kid: Option<String>,
    /// What of its keys cannot be used.
    pub ignored_keys: Option<String>,
    /// What must be the first of its kind.
    pub mark: Option<Mark>,
}

impl<'a> Credentials<'a> {
    /// Reads the credentials of a request: its `Authorization` header, else its form.
    ///
    /// # Errors
    /// [`Rejection`] when there are none, more than one, or malformed ones.
    pub fn parse(
        authorization: Option<&str>,
        form: &'a Form<'_>,
        dialect: &Dialect,
    ) -> Result<Self, Rejection> {
        let client_id = form.value("client_id");
        let secret = form.value("client_secret");
        let assertion = (
            form.value("client_assertion_type"),
            form.value("client_assertion"),
        );
        // RFC 6749 §2.3: "MUST NOT use more than one authentication method in each request".
        let has_assertion = assertion != (None, None);
        let ways = [authorization.is_some(), secret.is_some(), has_assertion];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            return Err(Rejection::SeveralAuthentications);
        }
        let credentials = match (authorization, secret, assertion) {
            (Some(authorization), ..) => {
                Self::parse_basic(authorization, dialect).ok_or(Rejection::MalformedBasic)?
            }
            (_, Some(secret), _) => {
                let secret = ClientSecret::new(secret.to_owned());
                Self {
                    client_ids: vec![client_id.ok_or(Rejection::NoCredentials)?.to_owned()],
                    proof: Proof::Secret(AuthMethod::ClientSecretPost, vec![secret]),
                }
            }
            (.., (Some(assertion::TYPE), Some(text))) => {
                let assertion = Assertion::parse(text, &assertion::PROFILE)?;
                Self {
                    client_ids: vec![assertion.subject.clone()],
                    proof: Proof::Assertion(Box::new(assertion)),
                }
            }
            (.., (None, None)) => Self {
                // RFC 6749 §3.2.1, RFC 8705 §2: it says who it is, and no more.
                client_ids: vec![client_id.ok_or(Rejection::NoCredentials)?.to_owned()],
                proof: Proof::None,
            },
            _ => return Err(AssertionError::Type.into()),
        };
        match client_id {
            Some(id) if !credentials.client_ids.iter().any(|known| known == id) => {
                Err(Rejection::ClientIdMismatch)
            }
            _ => Ok(credentials),
        }
    }

    /// RFC 7617 §2: scheme in any case, spaces, strict base64 of UTF-8, split at the first colon.
    fn parse_basic(authorization: &str, dialect: &Dialect) -> Option<Self> {
        let (scheme, token) = authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let token = token.trim_start_matches(' ');
        // A colon is no character of base64, so the two cannot be taken for one another.
        let octets = Zeroizing::new(match dialect.unencoded_basic && token.contains(':') {
            true => token.as_bytes().to_vec(),
            false => STANDARD.decode(token).ok()?,
        });
        let (id, secret) = std::str::from_utf8(&octets).ok()?.split_once(':')?;
        let secrets = readings(secret).into_iter().map(ClientSecret::new);
        Some(Self {
            client_ids: readings(id),
            proof: Proof::Secret(AuthMethod::ClientSecretBasic, secrets.collect()),
        })
    }

    /// The ids that the request may mean, likeliest first; those that no client can have left out.
    pub fn client_ids(&self) -> impl Iterator<Item = ClientId> {
        self.client_ids.iter().filter_map(|id| ClientId::parse(id))
    }

    /// Checks the credentials against the record found under one of [`Self::client_ids`], and
    /// tells what authenticated the client.
    ///
    /// Without a record the same work is done for nothing, so that time does not tell which
    /// clients exist.
    ///
    /// # Errors
    /// [`Rejection`] with the reason, which callers are not told; [`Fault`] when the secret of
    /// imported secrets is needed and missing.
    pub fn verify(
        &self,
        client: Option<&Client>,
        realm: &Realm,
        connection: Option<&dyn Connection>,
        key: Option<&ClientSecretsKey>,
        now: UnixTime,
    ) -> Result<Evidence, Failure> {
        // 1. The work that is the same for all.
        let registered = client.map(|client| client.token_endpoint_auth_method);
        let (method, proven) = match &self.proof {
            Proof::Secret(method, readings) => {
                let stored = client.map_or([].as_slice(), |client| &client.secrets);
                let secret = presented_among(stored, readings, key, now)?;
                (*method, by_secret(secret, now))
            }
            Proof::Assertion(assertion) => {
                let verified = assertion::verify(assertion, client, realm, now);
                (AuthMethod::PrivateKeyJwt, by_assertion(verified))
            }
            Proof::None if registered == Some(AuthMethod::TlsClientAuth) => (
                AuthMethod::TlsClientAuth,
                by_certificate(client, connection),
            ),
            Proof::None => (AuthMethod::None, Ok(Evidence::default())),
        };
        // 2. Whether it counts.
        let client = client.ok_or(Rejection::UnknownClient)?;
        if client.disabled {
            return Err(Rejection::ClientDisabled.into());
        }
        match client.token_endpoint_auth_method.takes(method) {
            true => Ok(Evidence {
                method: Some(method),
                ..proven?
            }),
            false => Err(Rejection::AuthMethodNotRegistered.into()),
        }
    }
}

/// The secret has its time (docs/storage.md).
fn by_secret(secret: Option<&StoredSecret>, now: UnixTime) -> Result<Evidence, Rejection> {
    let secret = secret.ok_or(Rejection::SecretMismatch)?;
    match *secret {
        StoredSecret {
            not_before: Some(not_before),
            ..
        } if now < not_before => Err(Rejection::SecretNotYetValid { not_before, now }),
        StoredSecret {
            expires_at: Some(expires_at),
            ..
        } if now >= expires_at => Err(Rejection::SecretExpired { expires_at, now }),
        _ => Ok(Evidence {
            secret_id: Some(secret.id.clone()),
            ..Evidence::default()
        }),
    }
}

fn by_assertion(
    verified: Result<(String, Option<String>, Mark), AssertionError>,
) -> Result<Evidence, Rejection> {
    let (kid, ignored_keys, mark) = verified?;
    Ok(Evidence {
        client_kid: Some(kid),
        ignored_keys,
        mark: Some(mark),
        ..Evidence::default()
    })
}

/// The certificate is one that an authority vouches for, and has the subject that is registered (RFC
/// 8705 §2.1.2), character for character.
fn by_certificate(
    client: Option<&Client>,
    connection: Option<&dyn Connection>,
) -> Result<Evidence, Rejection> {
    let certificate = connection.and_then(Connection::certificate);
    let certificate = certificate.filter(ClientCertificate::is_good);
    let certificate = certificate.ok_or(Rejection::NoCertificate)?;
    let registered = client.and_then(|client| client.tls_client_auth_subject_dn.as_deref());
    match registered == Some(certificate.subject_dn) {
        true => Ok(Evidence::default()),
        false => Err(Rejection::CertificateSubject),
    }
}

/// The stored secret that is presented, rather one that is valid `now` than one that is not.
/// Every reading is compared with every secret, whichever matches, and with one that is nobody's
/// where there is none.
fn presented_among<'s>(
    stored: &'s [StoredSecret],
    readings: &[ClientSecret],
    key: Option<&ClientSecretsKey>,
    now: UnixTime,
) -> Result<Option<&'s StoredSecret>, Fault> {
    let candidates = match stored {
        [] => std::slice::from_ref(&DECOY),
        stored => stored,
    };
    let (mut found, mut unknown) = (None, false);
    for candidate in candidates {
        let mut matches = Choice::from(0);
        for secret in readings {
            match candidate.hash.matches(secret, key) {
                Ok(is_it) => matches |= is_it,
                // Only a secret whose time it is can be missed.
                Err(NoClientSecretsKey) => unknown |= candidate.is_valid(now),
            }
        }
        if bool::from(matches) && (found.is_none() || candidate.is_valid(now)) {
            found = Some(candidate);
        }
    }
    let found = found.filter(|_| !stored.is_empty());
    match found {
        Some(secret) if secret.is_valid(now) => Ok(found),
        _ if unknown => Err(Fault::NoClientSecretsKey),
        _ => Ok(found),
    }
}

/// What stands in for the secrets of a client that does not exist.
static DECOY: StoredSecret = StoredSecret {
    id: String::new(),
    hash: ClientSecretHash::DECOY,
    not_before: None,
    expires_at: None,
};

/// A half of Basic credentials, form-decoded and as it was sent, once if that is the same.
fn readings(half: &str) -> Vec<String> {
    let mut readings = vec![half.to_owned()];
    match decode(half) {
        Some(decoded) if decoded != half => readings.insert(0, decoded.into_owned()),
        _ => (),
    }
    readings
}
