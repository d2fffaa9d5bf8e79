//! Client metadata of those who register themselves (RFC 7591 §2), within what their realm lets them
//! ask for.

use serde_json::{Map, Value, json};

use crate::client::{AuthMethod, Client, ClientId, RecordError};
use crate::error::Rejection;
use crate::grant::GrantType;
use crate::jose::es256;
use crate::json::{Json, JsonError, Object};
use crate::scope::ScopeSet;
use crate::time::UnixTime;

/// The scope of initial access tokens (§1.2).
pub const SCOPE: &str = "client_registration";

/// The most URIs, grant types and so on that a client may register.
const MAX_LIST: usize = 20;

/// The longest text that a client may register, in octets.
const MAX_TEXT: usize = 255;

/// What clients may ask for.
#[derive(Clone, Debug)]
pub struct RegistrationPolicy {
    grant_types: Vec<GrantType>,
    auth_methods: Vec<AuthMethod>,
    scopes: ScopeSet,
}

impl RegistrationPolicy {
    /// Reads a realm's member `registration`.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn parse(mut members: Object) -> Result<Self, JsonError> {
        let (member, expected) = ("grant_types", "a list of grant types that are served");
        let names = members.require::<Vec<String>>(member, expected)?;
        let grant_types = names.iter().map(|name| GrantType::parse(name));
        let grant_types = grant_types.collect::<Option<Vec<_>>>();
        let grant_types = grant_types.ok_or(JsonError::Invalid { member, expected })?;
        let (member, expected) = ("auth_methods", "a list of authentication methods");
        let auth_methods = members.require::<Vec<AuthMethod>>(member, expected)?;
        // What clients register is told to them, in names that are registered (§2).
        if !auth_methods.iter().all(|method| method.is_registered()) {
            return Err(JsonError::Invalid { member, expected });
        }
        let (member, expected) = ("scopes", "scope tokens other than client_registration");
        let scopes = members.take::<ScopeSet>(member, expected)?;
        let scopes = scopes.unwrap_or_default();
        // Who is registered must not register others.
        if scopes.contains(SCOPE) {
            return Err(JsonError::Invalid { member, expected });
        }
        members.finish()?;
        Ok(Self {
            grant_types,
            auth_methods,
            scopes,
        })
    }

    /// Makes a client of the metadata that it asks for. Members that are not known here are ignored
    /// (§2). What is known and cannot be had is an error, and not replaced; but clients without codes
    /// may name the response type that RFC 7591 has for everybody. Tells which of its keys are ignored.
    ///
    /// # Errors
    /// [`Rejection::InvalidClientMetadata`], [`Rejection::InvalidRedirectUri`].
    pub fn register(
        &self,
        mut metadata: Object,
        id: ClientId,
        by: String,
        now: UnixTime,
    ) -> Result<(Client, Option<String>), Rejection> {
        let metadata = &mut metadata;
        let mut client = Client::new(id, now, by);
        // 1. Grants, methods and scopes, as the realm lets them be asked for.
        client.grant_types = match texts(metadata, "grant_types")? {
            types if types.is_empty() => vec![GrantType::AuthorizationCode.name().to_owned()],
            types => types,
        };
        let may_ask =
            |name: &String| GrantType::parse(name).is_some_and(|t| self.grant_types.contains(&t));
        if !client.grant_types.iter().all(may_ask) {
            return Err(invalid("grant_types", "ones that may be asked for here"));
        }
        let (member, expected) = (
            "token_endpoint_auth_method",
            "one that may be asked for here",
        );
        let method = take::<AuthMethod>(metadata, member, expected)?;
        client.token_endpoint_auth_method = method.unwrap_or(AuthMethod::ClientSecretBasic);
        let method = client.token_endpoint_auth_method;
        let asks_for_itself = client.may_use(GrantType::ClientCredentials.name());
        if !self.auth_methods.contains(&method) || method == AuthMethod::None && asks_for_itself {
            return Err(invalid(member, expected));
        }
        let (member, expected) = ("scope", "one that may be asked for here");
        let scope = take::<ScopeSet>(metadata, member, expected)?;
        client.scope = scope.unwrap_or_else(|| self.scopes.clone());
        if !client.scope.is_subset(&self.scopes) {
            return Err(invalid(member, expected));
        }
        // 2. Where codes go.
        client.redirect_uris = texts(metadata, "redirect_uris")?;
        client.post_logout_redirect_uris = texts(metadata, "post_logout_redirect_uris")?;
        let has_codes = client.may_use(GrantType::AuthorizationCode.name());
        if has_codes && client.redirect_uris.is_empty() {
            return Err(Rejection::InvalidRedirectUri);
        }
        let response_types = texts(metadata, "response_types")?;
        if response_types.iter().any(|one| one != "code") {
            return Err(invalid("response_types", "a list of code alone"));
        }
        // 3. Keys and certificates.
        if metadata
            .take::<Value>("jwks_uri", "")
            .is_ok_and(|uri| uri.is_some())
        {
            return Err(invalid("jwks_uri", "left out: keys are registered by jwks"));
        }
        let mut ignored_keys = None;
        if let Some(set) = take::<Value>(metadata, "jwks", KEYS)? {
            let set = client.set_keys(&set);
            ignored_keys = set.map_err(|_| invalid("jwks", KEYS))?;
        }
        client.tls_client_auth_subject_dn = text(metadata, "tls_client_auth_subject_dn")?;
        client.dpop_bound_access_tokens = flag(metadata, "dpop_bound_access_tokens")?;
        client.tls_client_certificate_bound_access_tokens =
            flag(metadata, "tls_client_certificate_bound_access_tokens")?;
        client.require_pushed_authorization_requests =
            flag(metadata, "require_pushed_authorization_requests")?;
        for (member, only) in [
            ("token_endpoint_auth_signing_alg", es256::NAME),
            ("id_token_signed_response_alg", es256::NAME),
            ("subject_type", "public"),
        ] {
            if text(metadata, member)?.is_some_and(|value| value != only) {
                return Err(invalid(member, only));
            }
        }
        client.client_name = text(metadata, "client_name")?;
        // 4. What a record must be anyway.
        client.check().map_err(|error| match error {
            RecordError::RedirectUri { .. } => Rejection::InvalidRedirectUri,
            RecordError::Keys(_) | RecordError::NumberOfKeys => invalid("jwks", KEYS),
            _ => invalid(
                "tls_client_auth_subject_dn",
                "the subject of its certificate",
            ),
        })?;
        Ok((client, ignored_keys))
    }
}

/// The client information response (§3.2.1), but for its secret: all that is registered.
#[must_use]
pub fn information(client: &Client) -> Map<String, Value> {
    let has_codes = client.may_use(GrantType::AuthorizationCode.name());
    let response_types: &[&str] = if has_codes { &["code"] } else { &[] };
    let information = json!({
        "client_id": client.client_id.as_str(),
        "client_id_issued_at": client.updated_at.seconds(),
        "client_name": client.client_name,
        "grant_types": client.grant_types,
        "response_types": response_types,
        "token_endpoint_auth_method": client.token_endpoint_auth_method.name(),
        "scope": client.scope.to_string(),
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "jwks": client.jwks,
        "tls_client_auth_subject_dn": client.tls_client_auth_subject_dn,
        "dpop_bound_access_tokens": client.dpop_bound_access_tokens,
        "tls_client_certificate_bound_access_tokens":
            client.tls_client_certificate_bound_access_tokens,
        "require_pushed_authorization_requests": client.require_pushed_authorization_requests,
    });
    let Value::Object(mut information) = information else {
        return Map::new();
    };
    information.retain(|_, value| !value.is_null());
    information
}

fn take<T: Json>(
    metadata: &mut Object,
    member: &'static str,
    expected: &'static str,
) -> Result<Option<T>, Rejection> {
    let value = metadata.take(member, expected);
    value.map_err(|_| invalid(member, expected))
}

fn text(metadata: &mut Object, member: &'static str) -> Result<Option<String>, Rejection> {
    let expected = "a text of 1 to 255 octets";
    match take::<String>(metadata, member, expected)? {
        Some(text) if text.is_empty() || text.len() > MAX_TEXT => Err(invalid(member, expected)),
        text => Ok(text),
    }
}

fn flag(metadata: &mut Object, member: &'static str) -> Result<bool, Rejection> {
    let value = take(metadata, member, "true or false")?;
    Ok(value.unwrap_or_default())
}

fn texts(metadata: &mut Object, member: &'static str) -> Result<Vec<String>, Rejection> {
    let expected = "a list of at most 20 texts";
    let texts = take::<Vec<String>>(metadata, member, expected)?.unwrap_or_default();
    match texts.len() > MAX_LIST {
        true => Err(invalid(member, expected)),
        false => Ok(texts),
    }
}

fn invalid(member: &'static str, expected: &'static str) -> Rejection {
    Rejection::InvalidClientMetadata { member, expected }
}

const KEYS: &str = "a JWK Set with 1 to 10 public keys for ES256";
