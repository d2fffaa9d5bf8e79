//! What `client import` reads: Keycloak's realm export, or a plain list as JSON or CSV.

use edge_token::client::{AuthMethod, Client, ClientId, ClientSecret};
use edge_token::family::OFFLINE_ACCESS;
use edge_token::json::{JsonError, Object};
use edge_token::scope::ScopeSet;
use edge_token::time::{Seconds, UnixTime};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What became of one client of the file.
pub(crate) struct Found {
    pub(crate) client_id: String,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    /// It can be registered.
    Client(Box<Record>),
    /// It has no place here, and that is right.
    LeftOut(&'static str),
    /// It should have a place here, but cannot.
    Wrong(String),
}

/// A client to register.
pub(crate) struct Record {
    pub(crate) client: Client,
    pub(crate) secret: ClientSecret,
    /// How it authenticates, if the file says so.
    pub(crate) auth_method: Option<AuthMethod>,
}

/// Reads all clients of a file: an object with `clients` is Keycloak's, a list is a list, and
/// anything that is not JSON is CSV.
pub(crate) fn read(text: &str) -> Result<Vec<Found>, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(_)) => {
            let list = serde_json::from_str::<Vec<Object>>(text);
            let list = list.map_err(|_| "the list must be one of objects, no member twice")?;
            Ok(list.into_iter().map(listed).collect())
        }
        Ok(_) => {
            let export = serde_json::from_str::<Export>(text);
            let export = export.map_err(|error| {
                let place = format!("line {}, column {}", error.line(), error.column());
                format!("neither a list nor a Keycloak realm export ({place})")
            })?;
            Ok(export
                .clients
                .iter()
                .map(|client| client.found(&export))
                .collect())
        }
        Err(_) if text.trim_start().starts_with(['{', '[']) => Err("is not JSON".to_owned()),
        Err(_) => csv(text),
    }
}

/// A list as CSV (RFC 4180): the first line names the members.
fn csv(text: &str) -> Result<Vec<Found>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    if !names.iter().any(|name| name == "client_id") {
        return Err("neither JSON nor CSV whose first line names a column client_id".to_owned());
    }
    let mut found = Vec::new();
    for row in reader.records() {
        // The error of the reader tells where, and quotes nothing.
        let row = row.map_err(|error| error.to_string())?;
        let filled = names
            .iter()
            .zip(&row)
            .filter(|(_, value)| !value.is_empty());
        let members = filled.map(|(name, value)| (name.to_owned(), cell(name, value)));
        let members = Value::Object(members.collect::<Map<_, _>>()).to_string();
        found.push(match Object::parse(&members) {
            Ok(members) => listed(members),
            Err(error) => wrong(String::new(), &error),
        });
    }
    Ok(found)
}

/// The value in a cell: words for a list, JSON for numbers, truths and objects, else text.
fn cell(name: &str, value: &str) -> Value {
    match name {
        "grant_types" | "audience" => value.split(' ').collect::<Vec<_>>().into(),
        "access_token_ttl" | "disabled" | "claims" => {
            serde_json::from_str(value).unwrap_or_else(|_| value.into())
        }
        _ => value.into(),
    }
}

fn wrong(client_id: String, error: &JsonError) -> Found {
    Found {
        client_id,
        outcome: Outcome::Wrong(error.to_string()),
    }
}

/// A client of a plain list.
fn listed(mut members: Object) -> Found {
    let client_id = match members.require::<String>("client_id", "a text") {
        Ok(client_id) => client_id,
        Err(error) => return wrong("?".to_owned(), &error),
    };
    let outcome = match listed_record(&client_id, members) {
        Ok(record) => Outcome::Client(Box::new(record)),
        Err(error) => Outcome::Wrong(error.to_string()),
    };
    Found { client_id, outcome }
}

fn listed_record(client_id: &str, mut members: Object) -> Result<Record, JsonError> {
    const TEXTS: &str = "a list of texts";
    let expected = "1 to 255 printable ASCII characters";
    let id = ClientId::parse(client_id).ok_or(JsonError::Invalid {
        member: "client_id",
        expected,
    })?;
    let mut client = Client::new(id, UnixTime::from_seconds(0), String::new());
    let secret = members.require::<String>("client_secret", "a text")?;
    if secret.is_empty() {
        return Err(JsonError::Missing("client_secret"));
    }
    client.client_name = members.take("client_name", "a text")?;
    client.grant_types = members
        .take("grant_types", TEXTS)?
        .unwrap_or_else(|| vec!["client_credentials".to_owned()]);
    client.scope = members.take("scope", "a scope")?.unwrap_or_default();
    client.default_scope = members.take("default_scope", "a scope")?;
    client.audience = members.take("audience", TEXTS)?.unwrap_or_default();
    client.subject = members.take("subject", "a text")?;
    client.access_token_ttl = edge_token::client::access_token_ttl(&mut members)?;
    client.disabled = members
        .take("disabled", "true or false")?
        .unwrap_or_default();
    client.claims = members.take("claims", "an object")?.unwrap_or_default();
    let auth_method = members.take(
        "token_endpoint_auth_method",
        "client_secret, client_secret_basic or client_secret_post",
    )?;
    members.finish()?;
    Ok(Record {
        client,
        secret: ClientSecret::new(secret),
        auth_method,
    })
}

/// What is read of Keycloak's realm export (its RealmRepresentation).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    clients: Vec<KeycloakClient>,
    #[serde(default)]
    client_scopes: Vec<KeycloakScope>,
    #[serde(default)]
    users: Vec<KeycloakUser>,
}

/// ClientScopeRepresentation.
#[derive(Deserialize)]
struct KeycloakScope {
    name: String,
    protocol: Option<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// UserRepresentation, of which those that stand for a client matter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeycloakUser {
    id: Option<String>,
    service_account_client_id: Option<String>,
}

/// ClientRepresentation, with Keycloak's defaults.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeycloakClient {
    client_id: String,
    name: Option<String>,
    #[serde(default = "yes")]
    enabled: bool,
    protocol: Option<String>,
    secret: Option<String>,
    #[serde(default)]
    public_client: bool,
    #[serde(default)]
    bearer_only: bool,
    #[serde(default)]
    service_accounts_enabled: bool,
    client_authenticator_type: Option<String>,
    #[serde(default)]
    default_client_scopes: Vec<String>,
    #[serde(default)]
    optional_client_scopes: Vec<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

fn yes() -> bool {
    true
}

impl KeycloakClient {
    fn found(&self, export: &Export) -> Found {
        let authenticator = self
            .client_authenticator_type
            .as_deref()
            .unwrap_or("client-secret");
        let outcome = if self
            .protocol
            .as_deref()
            .is_some_and(|name| name != "openid-connect")
        {
            Outcome::LeftOut("its protocol is not openid-connect")
        } else if self.bearer_only {
            Outcome::LeftOut("it only verifies tokens")
        } else if self.public_client {
            Outcome::LeftOut("it is public and has no secret")
        } else if !self.service_accounts_enabled {
            Outcome::LeftOut("it has no service account, so no client credentials")
        } else if authenticator != "client-secret" {
            Outcome::LeftOut("it does not authenticate by a secret")
        } else {
            match self.record(export) {
                Ok(record) => Outcome::Client(Box::new(record)),
                Err(why) => Outcome::Wrong(why),
            }
        };
        Found {
            client_id: self.client_id.clone(),
            outcome,
        }
    }

    fn record(&self, export: &Export) -> Result<Record, String> {
        let id = ClientId::parse(&self.client_id);
        let id = id.ok_or("its id must be 1 to 255 printable ASCII characters")?;
        let secret = self.secret.as_deref().filter(|secret| !secret.is_empty());
        let secret = secret.ok_or("it has no secret")?;
        if secret.bytes().all(|byte| byte == b'*') {
            return Err("its secret is masked: export with `kc.sh export`".to_owned());
        }
        let mut client = Client::new(id, UnixTime::from_seconds(0), String::new());
        client.client_name = self.name.clone().filter(|name| !name.is_empty());
        client.grant_types = vec!["client_credentials".to_owned()];
        client.disabled = !self.enabled;
        // Keycloak grants `openid` to whoever asks, and the default scopes to everybody.
        let default = export.in_tokens(&self.default_client_scopes);
        let optional = export.in_tokens(&self.optional_client_scopes);
        let scope =
            |names: &[&str]| ScopeSet::parse(&names.join(" ")).map_err(|error| error.to_string());
        client.scope = scope(&[&["openid"], &default[..], &optional[..]].concat())?;
        client.default_scope = Some(scope(&default)?);
        // Those that tokens do not show may be asked for all the same.
        let listed = self.default_client_scopes.iter();
        let listed = listed.chain(&self.optional_client_scopes);
        let hidden = listed.filter(|name| export.hides(name));
        let hidden = hidden.map(String::as_str).collect::<Vec<_>>();
        client.hidden_scope = scope(&hidden)?.without(&client.scope);
        // Keycloak gives a refresh token to whoever asks for this scope.
        if client.scope.contains(OFFLINE_ACCESS) {
            client.grant_types.push("refresh_token".to_owned());
        }
        client.access_token_ttl = self.access_token_ttl()?;
        let mut users = export.users.iter();
        let user =
            users.find(|user| user.service_account_client_id.as_ref() == Some(&self.client_id));
        client.subject = user.and_then(|user| user.id.clone());
        Ok(Record {
            client,
            secret: ClientSecret::new(secret.to_owned()),
            auth_method: None,
        })
    }

    fn access_token_ttl(&self) -> Result<Option<Seconds>, String> {
        let lifespan = self
            .attributes
            .get("access.token.lifespan")
            .and_then(Value::as_str);
        let Some(lifespan) = lifespan.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let seconds = lifespan.parse().map(Seconds);
        seconds
            .ok()
            .filter(|ttl| (Seconds(1)..=edge_token::client::MAX_ACCESS_TOKEN_TTL).contains(ttl))
            .map(Some)
            .ok_or_else(|| "its access.token.lifespan must be 1 to 2592000 seconds".to_owned())
    }
}

impl Export {
    /// Whether Keycloak takes that scope, and writes it into no token.
    fn hides(&self, name: &str) -> bool {
        let scope = self.client_scopes.iter().find(|scope| scope.name == name);
        scope.is_some_and(|scope| {
            let protocol = scope.protocol.as_deref();
            let written = scope.attributes.get("include.in.token.scope");
            protocol.is_none_or(|protocol| protocol == "openid-connect")
                && written.is_some_and(|written| written == "false")
                && ScopeSet::parse(name).is_ok_and(|scope| scope.tokens() == [name])
        })
    }

    /// The scopes of these that Keycloak writes into tokens.
    fn in_tokens<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        let is_written = |name: &&String| {
            let scope = self.client_scopes.iter().find(|scope| scope.name == **name);
            let written = scope.and_then(|scope| scope.attributes.get("include.in.token.scope"));
            written.is_none_or(|written| written != "false")
        };
        names
            .iter()
            .filter(is_written)
            .map(String::as_str)
            .collect()
    }
}
