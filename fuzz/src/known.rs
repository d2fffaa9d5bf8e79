//! What the targets know: a service with realms of all dialects, its clients, and their keys.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::auth_method::AuthMethod;
use edge_token::client::{Client, ClientSecret, ClientSecretHash, ClientSecretsKey, StoredSecret};
use edge_token::dialect::{Dialect, Endpoint};
use edge_token::jose::SigningKey;
use edge_token::name::{ClientId, RealmName};
use edge_token::realm::{Realm, Realms};
use edge_token::scope::ScopeSet;
use edge_token::service::Service;
use edge_token::time::UnixTime;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};

/// When everything happens, unless something says later.
pub const NOW: u64 = 1_800_000_000;
pub const HOST: &str = "auth.example";
pub const ISSUER: &str = "https://auth.example/realms/default";
pub const API: &str = "https://api.example";
pub const IDP: &str = "https://idp.example";
pub const REDIRECT_URI: &str = "https://app.example/cb";
pub const LOGIN_URL: &str = "https://login.example/";
pub const SECRET: &str = "correct-horse-battery-staple";
/// A secret that form encoding changes.
pub const ODD_SECRET: &str = "a b+c%zz:\u{e9}-0123456789";
pub const CLIENT_SECRETS_KEY: &str = "0123456789abcdef0123456789abcdef";
pub const SUBJECT_DN: &str = "CN=tls,O=Example";
pub const FINGERPRINT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The octets of which the keys are made: the realms' two, the clients', the trusted issuer's.
pub const REALM_KEY: u8 = 1;
pub const NEXT_REALM_KEY: u8 = 2;
pub const CLIENT_KEY: u8 = 21;
pub const IDP_KEY: u8 = 31;

pub fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

/// A key, good for all that the targets do. Each is made once, since that costs a multiplication on
/// the curve.
pub fn key(octet: u8) -> &'static SigningKey {
    KEYS.with_borrow_mut(|keys| {
        let made = || Box::leak(Box::new(make_key(octet))) as &'static _;
        *keys.entry(octet).or_insert_with(made)
    })
}

fn make_key(octet: u8) -> SigningKey {
    let begin = match octet {
        NEXT_REALM_KEY => NOW + 100_000,
        _ => NOW - 1000,
    };
    SigningKey::generate(&[octet; 32], at(begin), at(NOW + 100_000_000)).unwrap()
}

pub fn public_jwk(octet: u8) -> Value {
    serde_json::to_value(key(octet).public()).unwrap()
}

pub fn jwks(octet: u8) -> Value {
    json!({ "keys": [public_jwk(octet)] })
}

pub fn private_jwks() -> String {
    let private = |octet| serde_json::to_value(key(octet).to_private_jwk()).unwrap();
    json!({ "keys": [private(REALM_KEY), private(NEXT_REALM_KEY)] }).to_string()
}

/// The secret of that name, as the Worker has it.
pub fn secret(name: &str) -> Option<String> {
    match name {
        "SIGNING_KEYS" => Some(private_jwks()),
        "CLIENT_SECRETS_KEY" => Some(CLIENT_SECRETS_KEY.to_owned()),
        _ => None,
    }
}

/// The variable that configures the realms.
pub fn variables() -> Vec<(String, String)> {
    let people = json!({ "login_url": LOGIN_URL, "login_clients": ["login"] });
    let with = |mut realm: Value| {
        let members = realm.as_object_mut().unwrap();
        members.extend(people.as_object().unwrap().clone());
        realm
    };
    let realms = json!({
        "default": with(json!({
            "issuer": ISSUER,
            "scopes": "read write openid profile email offline_access client_registration",
            "introspection_clients": ["login"],
            "allowed_origins": ["https://app.example"],
            "claims": { "tier": "test" },
            "assertion_audience_may_be_token_endpoint": true,
            "trusted_issuers": { "idp": { "issuer": IDP, "jwks": jwks(IDP_KEY) } },
            "registration": {
                "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
                "auth_methods": ["client_secret_basic", "client_secret_post", "private_key_jwt",
                    "tls_client_auth", "none"],
                "scopes": "read write openid",
            },
        })),
        "dx": with(json!({
            "dialect": "keycloak", "issuer": "https://auth.example/realms/dx", "session_state": true,
        })),
        "eagle": with(json!({
            "dialect": "screening-eagle", "issuer": "https://auth.example/realms/eagle",
            "iss": "Screening Eagle ID",
        })),
        "light": with(json!({
            "dialect": "light-oauth2", "issuer": "https://auth.example/realms/light",
            "iss": "urn:com:networknt:oauth2:v1", "user_claims": ["department"],
        })),
    });
    vec![("REALMS".to_owned(), realms.to_string())]
}

/// What a client shows to be itself.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    Secret(&'static str),
    Key,
    Certificate,
    Nothing,
}

/// The clients of each realm.
pub const CLIENTS: [(&str, AuthMethod, Shows); 10] = [
    ("app", AuthMethod::ClientSecretBasic, Shows::Secret(SECRET)),
    ("web", AuthMethod::ClientSecretBasic, Shows::Secret(SECRET)),
    (
        "login",
        AuthMethod::ClientSecretBasic,
        Shows::Secret(SECRET),
    ),
    ("off", AuthMethod::ClientSecretBasic, Shows::Secret(SECRET)),
    ("late", AuthMethod::ClientSecretBasic, Shows::Secret(SECRET)),
    (
        "odd",
        AuthMethod::ClientSecretBasic,
        Shows::Secret(ODD_SECRET),
    ),
    ("post", AuthMethod::ClientSecretPost, Shows::Secret(SECRET)),
    ("signer", AuthMethod::PrivateKeyJwt, Shows::Key),
    ("tls", AuthMethod::TlsClientAuth, Shows::Certificate),
    ("public", AuthMethod::None, Shows::Nothing),
];

/// A client of that id.
pub fn client((id, method, shows): (&str, AuthMethod, Shows)) -> Client {
    let mut client = Client::new(ClientId::parse(id).unwrap(), at(NOW), "fuzz".to_owned());
    client.token_endpoint_auth_method = method;
    client.grant_types = [
        "client_credentials",
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "client_authenticated_user",
    ]
    .map(str::to_owned)
    .to_vec();
    if matches!(shows, Shows::Nothing) {
        client.grant_types.remove(0);
    }
    let scope = "read write openid profile email offline_access client_registration";
    client.scope = ScopeSet::parse(scope).unwrap();
    client.default_scope = ScopeSet::parse("read write").ok();
    client.redirect_uris = vec![REDIRECT_URI.to_owned()];
    client.post_logout_redirect_uris = vec![REDIRECT_URI.to_owned()];
    client.audience = vec![ISSUER.to_owned(), API.to_owned()];
    client.resources = vec![API.to_owned()];
    client.trusted_issuers = vec!["idp".to_owned()];
    client.trusted = true;
    client.disabled = id == "off";
    match shows {
        Shows::Secret(text) => {
            let text = ClientSecret::new(text.to_owned());
            let key = ClientSecretsKey::parse(CLIENT_SECRETS_KEY.to_owned()).unwrap();
            client.secrets = vec![StoredSecret {
                id: "s1".to_owned(),
                hash: match method {
                    AuthMethod::ClientSecretPost => {
                        ClientSecretHash::of_imported(&text, [7; 16], &key)
                    }
                    _ => ClientSecretHash::of_generated(&text, [7; 16]),
                },
                not_before: None,
                expires_at: (id == "late").then(|| at(NOW + 10)),
            }];
        }
        Shows::Key => client.jwks = Some(jwks(CLIENT_KEY)),
        Shows::Certificate => {
            client.tls_client_auth_subject_dn = Some(SUBJECT_DN.to_owned());
            client.tls_client_certificate_bound_access_tokens = true;
        }
        Shows::Nothing => (),
    }
    client
}

/// All that is made once a thread.
pub struct Known {
    pub service: Service,
    pub realms: Realms,
    pub clients: Vec<Client>,
    /// The keys and texts of all records.
    pub records: Vec<(String, String)>,
    pub client_secrets_key: ClientSecretsKey,
}

impl Known {
    fn new() -> Self {
        let clients = CLIENTS.map(client).to_vec();
        let mut records = Vec::new();
        for name in ["default", "dx", "eagle", "light"] {
            let realm = RealmName::parse(name).unwrap();
            for client in &clients {
                let record = serde_json::to_string(client).unwrap();
                records.push((client.client_id.record_key(&realm), record));
            }
        }
        Self {
            service: Service::new(&variables(), &secret),
            realms: Realms::parse(&variables(), &secret, &Dialect::ALL),
            clients,
            records,
            client_secrets_key: ClientSecretsKey::parse(CLIENT_SECRETS_KEY.to_owned()).unwrap(),
        }
    }

    /// The realm and endpoint at a path of [`HOST`].
    pub fn at(&self, path: &str) -> Option<(&Realm, Endpoint)> {
        let (endpoint, realm) = self.realms.at(HOST, path)?;
        Some((realm.unwrap(), endpoint))
    }

    pub fn realm(&self) -> &Realm {
        self.at("/token").unwrap().0
    }

    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients
            .iter()
            .find(|known| known.client_id.as_str() == id)
    }
}

thread_local! {
    static KNOWN: &'static Known = Box::leak(Box::new(Known::new()));
    static KEYS: RefCell<HashMap<u8, &'static SigningKey>> = RefCell::default();
    static SIGNED: RefCell<HashMap<(u8, String), String>> = RefCell::default();
}

pub fn known() -> &'static Known {
    KNOWN.with(|known| *known)
}

/// How many signatures are kept: to sign costs more than most of what is tried.
const MAX_SIGNED: usize = 10_000;

/// Header and claims, joined as RFC 7515 §7.1 has it, with the signature of a key.
pub fn sign(octet: u8, header: &str, claims: &str) -> String {
    let signed = unsigned(header, claims);
    SIGNED.with_borrow_mut(|cache| {
        if cache.len() > MAX_SIGNED {
            cache.clear();
        }
        let token = cache
            .entry((octet, signed))
            .or_insert_with_key(|(octet, signed)| {
                let key = p256::ecdsa::SigningKey::from_slice(&[*octet; 32]).unwrap();
                let signature: Signature = key.sign(signed.as_bytes());
                format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
            });
        token.clone()
    })
}

/// The same before it is signed.
pub fn unsigned(header: &str, claims: &str) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}")
}

/// The claims of a token, whoever signed it.
pub fn claims(token: &str) -> Option<Value> {
    let octets = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&octets).ok()
}
