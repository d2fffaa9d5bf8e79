//! Client metadata of those who register themselves (RFC 7591 §2), within what their realm lets them
//! ask for.

use serde_json::{Map, Value, json};

use crate::auth_method::AuthMethod;
use crate::client::{Client, PAGE_URL, PLAIN_TEXT, RecordError};
use crate::grant_type::GrantType;
use crate::jose::es256;
use crate::json::{Json, JsonError, Object, put};
use crate::name::ClientId;
use crate::scope::ScopeSet;
use crate::time::UnixTime;

/// The scope of initial access tokens (§1.2).
pub const SCOPE: &str = "client_registration";

/// The most URIs, grant types and so on that a client may register.
const MAX_LIST: usize = 20;

/// The longest text that a client may register, in octets.
const MAX_TEXT: usize = 255;

/// Why metadata makes no client (RFC 7591 §3.2.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetadataError {
    /// "The value of one or more redirection URIs is invalid."
    RedirectUri,
    /// "The value of one of the client metadata fields is invalid."
    Member {
        /// The member.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

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
    /// (§2). Of lists it gets what may be had; it is refused when nothing of one is left (§3.2.1:
    /// the server "MAY reject or replace any of the client's requested metadata values"). Tells
    /// which of its keys are ignored.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn register(
        &self,
        mut metadata: Object,
        id: ClientId,
        by: String,
        now: UnixTime,
    ) -> Result<(Client, Option<String>), MetadataError> {
        let metadata = &mut metadata;
        let mut client = Client::new(id, now, by);
        // 1. Grants, methods and scopes, as the realm lets them be asked for.
        let (grant_types, method) = self.grants_and_method(metadata)?;
        client.grant_types = grant_types;
        client.token_endpoint_auth_method = method;
        let scope = take::<ScopeSet>(metadata, "scope", HERE)?;
        client.scope = match scope {
            None => self.scopes.clone(),
            Some(asked) => {
                let had = asked.intersection(&self.scopes);
                if had.is_empty() && !asked.is_empty() {
                    return Err(invalid("scope", HERE));
                }
                had
            }
        };
        // 2. Where codes go.
        client.redirect_uris = texts(metadata, "redirect_uris")?;
        client.post_logout_redirect_uris = texts(metadata, "post_logout_redirect_uris")?;
        let has_codes = client.may_use(GrantType::AuthorizationCode.name());
        if has_codes && client.redirect_uris.is_empty() {
            return Err(MetadataError::RedirectUri);
        }
        // Clients without codes may name the one that RFC 7591 has for everybody.
        let response_types = texts(metadata, "response_types")?;
        if !response_types.is_empty() && !response_types.iter().any(|one| one == CODE) {
            return Err(invalid("response_types", "a list with code in it"));
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
        // There is one algorithm, whichever a client asks for, and the answer tells it. The other
        // `sub` that `pairwise` asks for is a promise to people, and not replaced.
        text(metadata, TOKEN_ENDPOINT_ALG)?;
        text(metadata, ID_TOKEN_ALG)?;
        let (member, only) = ("subject_type", "public");
        if text(metadata, member)?.is_some_and(|value| value != only) {
            return Err(invalid(member, only));
        }
        // 4. What people see of it.
        client.client_name = text(metadata, "client_name")?;
        client.client_uri = take(metadata, "client_uri", PAGE_URL)?;
        client.logo_uri = take(metadata, "logo_uri", PAGE_URL)?;
        client.policy_uri = take(metadata, "policy_uri", PAGE_URL)?;
        client.tos_uri = take(metadata, "tos_uri", PAGE_URL)?;
        // 5. What a record must be anyway.
        client.check_written().map_err(|error| match error {
            RecordError::RedirectUri { .. } => MetadataError::RedirectUri,
            RecordError::Name => invalid("client_name", PLAIN_TEXT),
            RecordError::Page(member) => invalid(member, PAGE_URL),
            RecordError::Keys(_) | RecordError::NumberOfKeys => invalid("jwks", KEYS),
            _ => invalid(
                "tls_client_auth_subject_dn",
                "the subject of its certificate",
            ),
        })?;
        Ok((client, ignored_keys))
    }

    /// The grants that are asked for, as far as they may be had, and how the client authenticates.
    fn grants_and_method(
        &self,
        metadata: &mut Object,
    ) -> Result<(Vec<String>, AuthMethod), MetadataError> {
        let (member, method_member) = ("grant_types", "token_endpoint_auth_method");
        let asked = texts(metadata, member)?;
        let may_have = |name: &str| {
            let known = GrantType::parse(name);
            known.is_some_and(|grant_type| self.grant_types.contains(&grant_type))
        };
        let mut grant_types = match asked.is_empty() {
            false => asked,
            // RFC 7591 §2 has this one for who asks for none.
            true if may_have(GrantType::AuthorizationCode.name()) => {
                vec![GrantType::AuthorizationCode.name().to_owned()]
            }
            true => {
                let all = self.grant_types.iter().map(|known| known.name());
                all.map(str::to_owned).collect()
            }
        };
        grant_types.retain(|name| may_have(name));
        if grant_types.is_empty() {
            return Err(invalid(member, "ones that may be asked for here"));
        }
        let method = take::<String>(metadata, method_member, HERE)?;
        let method = self.method(metadata, method.as_deref(), &grant_types);
        let method = method.ok_or_else(|| invalid(method_member, HERE))?;
        // Who has no secret to keep gets no tokens for itself (RFC 6749 §4.4).
        if method == AuthMethod::None {
            grant_types.retain(|name| !is_for_confidential(name));
        }
        match grant_types.is_empty() {
            true => Err(invalid(method_member, HERE)),
            false => Ok((grant_types, method)),
        }
    }

    /// How a client authenticates that asks for that method, or for none.
    ///
    /// Who can send a secret can send it in the other way too, and gets one with the answer that
    /// tells which. What has no secret is not given one: it may have no place for it, or wants more
    /// than that.
    fn method(
        &self,
        metadata: &Object,
        asked: Option<&str>,
        grant_types: &[String],
    ) -> Option<AuthMethod> {
        let mut allowed = self.auth_methods.iter().copied();
        let of_secrets = |method: &AuthMethod| method.uses_secret();
        if let Some(asked) = asked {
            let named =
                AuthMethod::parse(asked).filter(|method| self.auth_methods.contains(method));
            let known = AuthMethod::parse(asked);
            let has_secret = known
                .is_some_and(|known| known.is_registered() && known.uses_secret())
                || asked == SECRET_JWT;
            return named.or_else(|| allowed.find(of_secrets).filter(|_| has_secret));
        }
        let fits = |method: &AuthMethod| match method {
            AuthMethod::PrivateKeyJwt => metadata.get("jwks").is_some(),
            AuthMethod::TlsClientAuth => metadata.get("tls_client_auth_subject_dn").is_some(),
            AuthMethod::None => !grant_types.iter().all(|name| is_for_confidential(name)),
            _ => true,
        };
        // RFC 7591 §2 has Basic for who asks for none; else the first that the client can use.
        let basic = AuthMethod::ClientSecretBasic;
        match self.auth_methods.contains(&basic) {
            true => Some(basic),
            false => allowed.find(fits),
        }
    }
}

/// Whether only clients with credentials may use a grant.
fn is_for_confidential(grant_type: &str) -> bool {
    GrantType::parse(grant_type).is_some_and(GrantType::needs_credentials)
}

/// The client information response (§3.2.1), but for its secret: all that is registered.
#[must_use]
pub fn information(client: &Client) -> Map<String, Value> {
    let has_codes = client.may_use(GrantType::AuthorizationCode.name());
    let response_types: &[&str] = if has_codes { &[CODE] } else { &[] };
    let has_assertions = client.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
    let alg = |is_used: bool| is_used.then_some(es256::NAME);
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
    put(
        &mut information,
        TOKEN_ENDPOINT_ALG,
        alg(has_assertions).into(),
    );
    put(&mut information, ID_TOKEN_ALG, alg(has_codes).into());
    for (member, uri) in client.pages() {
        put(&mut information, member, uri.into());
    }
    information.retain(|_, value| !value.is_null());
    information
}

fn take<T: Json>(
    metadata: &mut Object,
    member: &'static str,
    expected: &'static str,
) -> Result<Option<T>, MetadataError> {
    let value = metadata.take(member, expected);
    value.map_err(|_| invalid(member, expected))
}

fn text(metadata: &mut Object, member: &'static str) -> Result<Option<String>, MetadataError> {
    let expected = "a text of 1 to 255 octets";
    match take::<String>(metadata, member, expected)? {
        Some(text) if text.is_empty() || text.len() > MAX_TEXT => Err(invalid(member, expected)),
        text => Ok(text),
    }
}

fn flag(metadata: &mut Object, member: &'static str) -> Result<bool, MetadataError> {
    let value = take(metadata, member, "true or false")?;
    Ok(value.unwrap_or_default())
}

fn texts(metadata: &mut Object, member: &'static str) -> Result<Vec<String>, MetadataError> {
    let expected = "a list of at most 20 texts";
    let texts = take::<Vec<String>>(metadata, member, expected)?.unwrap_or_default();
    match texts.len() > MAX_LIST {
        true => Err(invalid(member, expected)),
        false => Ok(texts),
    }
}

fn invalid(member: &'static str, expected: &'static str) -> MetadataError {
    MetadataError::Member { member, expected }
}

const CODE: &str = "code";
/// A way to use a secret that is not here (OpenID Connect Core §9).
const SECRET_JWT: &str = "client_secret_jwt";
const TOKEN_ENDPOINT_ALG: &str = "token_endpoint_auth_signing_alg";
const ID_TOKEN_ALG: &str = "id_token_signed_response_alg";
const HERE: &str = "one that may be asked for here";
const KEYS: &str = "a JWK Set with 1 to 10 public keys for ES256";
