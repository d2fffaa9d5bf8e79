//! Client authentication (RFC 6749 §2.3): what a request presents, and whether a client's record
//! bears it out. Nothing is looked up here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::Choice;
use zeroize::Zeroizing;

use crate::client::{
    AuthMethod, Client, ClientId, ClientSecret, ClientSecretHash, ClientSecretsKey, StoredSecret,
};
use crate::dialect::Dialect;
use crate::error::{Failure, Fault, Rejection};
use crate::form::{Form, decode};
use crate::time::UnixTime;

/// The methods by which a client can authenticate.
pub const METHODS: [AuthMethod; 3] = [
    AuthMethod::ClientSecretBasic,
    AuthMethod::ClientSecretPost,
    AuthMethod::None,
];

/// What a request presents to say which client it is from.
///
/// Under HTTP Basic each half should be form-encoded (RFC 6749 §2.3.1), but curl and many
/// libraries send it as it is. So a half that can be read in two ways is tried in both: hence the
/// lists, with one or two entries each.
#[derive(Debug)]
pub struct Credentials {
    method: AuthMethod,
    client_ids: Vec<String>,
    secrets: Vec<ClientSecret>,
}

impl Credentials {
    /// Reads the credentials of a request: its `Authorization` header, else its form.
    ///
    /// # Errors
    /// [`Rejection`] when there are none, more than one, or malformed ones.
    pub fn parse(
        authorization: Option<&str>,
        form: &Form<'_>,
        dialect: &Dialect,
    ) -> Result<Self, Rejection> {
        let client_id = form.value("client_id");
        let client_secret = form.value("client_secret");
        let Some(authorization) = authorization else {
            return match (client_id, client_secret) {
                (Some(id), Some(secret)) => Ok(Self {
                    method: AuthMethod::ClientSecretPost,
                    client_ids: vec![id.to_owned()],
                    secrets: vec![ClientSecret::new(secret.to_owned())],
                }),
                // RFC 6749 §3.2.1: a public client says who it is, and no more.
                (Some(id), None) => Ok(Self {
                    method: AuthMethod::None,
                    client_ids: vec![id.to_owned()],
                    secrets: Vec::new(),
                }),
                (None, _) => Err(Rejection::NoCredentials),
            };
        };
        if client_secret.is_some() {
            return Err(Rejection::SeveralAuthentications);
        }
        let credentials =
            Self::parse_basic(authorization, dialect).ok_or(Rejection::MalformedBasic)?;
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
        Some(Self {
            method: AuthMethod::ClientSecretBasic,
            client_ids: readings(id),
            secrets: readings(secret)
                .into_iter()
                .map(ClientSecret::new)
                .collect(),
        })
    }

    /// The ids that the request may mean, likeliest first; those that no client can have left out.
    pub fn client_ids(&self) -> impl Iterator<Item = ClientId> {
        self.client_ids.iter().filter_map(|id| ClientId::parse(id))
    }

    /// Checks the credentials against the record found under one of [`Self::client_ids`], and
    /// tells which of the client's secrets was presented, if it has any.
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
        key: Option<&ClientSecretsKey>,
        now: UnixTime,
    ) -> Result<Option<String>, Failure> {
        let stored = client.map_or(std::slice::from_ref(&DECOY), |client| &client.secrets);
        let presented = self.presented_among(stored, key, now)?;
        let client = client.ok_or(Rejection::UnknownClient)?;
        if client.disabled {
            return Err(Rejection::ClientDisabled.into());
        }
        if client.token_endpoint_auth_method != self.method {
            return Err(Rejection::AuthMethodNotRegistered.into());
        }
        if self.method == AuthMethod::None {
            return Ok(None);
        }
        let secret = presented.ok_or(Rejection::SecretMismatch)?;
        match *secret {
            StoredSecret {
                not_before: Some(not_before),
                ..
            } if now < not_before => Err(Rejection::SecretNotYetValid { not_before, now }.into()),
            StoredSecret {
                expires_at: Some(expires_at),
                ..
            } if now >= expires_at => Err(Rejection::SecretExpired { expires_at, now }.into()),
            _ => Ok(Some(secret.id.clone())),
        }
    }

    /// The stored secret that is presented, rather one that is valid `now` than one that is not.
    /// Every reading is compared with every secret, whichever matches.
    fn presented_among<'s>(
        &self,
        stored: &'s [StoredSecret],
        key: Option<&ClientSecretsKey>,
        now: UnixTime,
    ) -> Result<Option<&'s StoredSecret>, Fault> {
        let mut found = None;
        for candidate in stored {
            let mut matches = Choice::from(0);
            for secret in &self.secrets {
                matches |= candidate
                    .hash
                    .matches(secret, key)
                    .map_err(|_| Fault::NoClientSecretsKey)?;
            }
            if bool::from(matches) && (found.is_none() || candidate.is_valid(now)) {
                found = Some(candidate);
            }
        }
        Ok(found)
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
