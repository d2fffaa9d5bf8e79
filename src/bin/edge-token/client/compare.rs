//! `client import --compare`: what the users of a client will see change, member by member and claim by
//! claim. One token is asked of the server that the clients come from, and one of this service as the
//! Worker would answer: by its own code, with the realm of wrangler.toml and the record that the import
//! makes. So nothing needs to be written or deployed for it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use edge_token::auth_method::AuthMethod;
use edge_token::client::{Client, ClientSecretsKey};
use edge_token::dialect::Endpoint;
use edge_token::grant_type::GrantType;
use edge_token::http::Request;
use edge_token::realm::Realm;
use edge_token::service::Service;
use edge_token::store::MemoryStore;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::import::{Import, Maker, count};
use crate::check::Url;
use crate::check::http::{Answer, Client as Asker};
use crate::check::jwt::Jwt;
use crate::check::refusals::GRANT;
use crate::check::token::Method;
use crate::import::{Found, Notes, Outcome, Read, Secret, code, escaped};
use crate::output::{self, printable};
use crate::target::Target;
use crate::wrangler_toml::{WranglerToml, made_up_jwk_set};
use crate::{Error, fill_random, now};

/// The most clients that are compared unless they are named: the other server may count its requests.
const MOST: usize = 20;

/// What came of a comparison.
pub(super) struct Comparison {
    server: String,
    compared: Vec<String>,
    /// With the reasons.
    not_compared: Vec<(String, String)>,
    differences: Vec<Difference>,
}

/// A difference, which several clients may have.
struct Difference {
    /// Where it is, and of what: `claim`, `azp`.
    fact: Fact,
    /// What the clients get there, and here.
    there: Option<String>,
    here: Option<String>,
    clients: Vec<String>,
}

/// Where something stands in an answer, and its name there.
type Fact = (&'static str, String);

/// Compares clients of a file with what they get at a token endpoint.
pub(super) fn run(
    read: Read,
    realm: Option<&Realm>,
    server: &str,
    arguments: &Import,
    target: &Target,
) -> Result<Comparison, Error> {
    let url = Url::parse(server).ok_or_else(|| {
        Error::Argument(format!(
            "--compare: `{server}` is no URL of a token endpoint, https or http"
        ))
    })?;
    if !url.is_private() {
        return Err(Error::Argument(
            "--compare: secrets are not sent over http, but on loopback".into(),
        ));
    }
    let realm = realm.ok_or_else(|| {
        Error::State(
            "to compare, the realm must be served: `cargo run -- setup` says why not".into(),
        )
    })?;
    let here = Here::new(realm, target)?;
    let asker = Asker::new(&url, false)?;
    let mut comparison = Comparison {
        server: server.to_owned(),
        compared: Vec::new(),
        not_compared: Vec::new(),
        differences: Vec::new(),
    };
    let is_named = |found: &Found| {
        arguments.compared.is_empty() || arguments.compared.contains(&found.client_id)
    };
    let maker = Maker::for_comparison(arguments, realm, here.secrets_key());
    for found in read.found.into_iter().filter(is_named) {
        let id = found.client_id.clone();
        let is_enough = comparison.compared.len() >= MOST && arguments.compared.is_empty();
        let compared = match is_enough {
            true => Err(format!("{MOST} others were: name it by --client-id")),
            false => compared(found, &maker, &here, &asker, server)?,
        };
        match compared {
            Ok([there, here]) => comparison.add(id, &there, &here),
            Err(why) => comparison.not_compared.push((id, why)),
        }
    }
    for id in &arguments.compared {
        let mut known = comparison.not_compared.iter().map(|(id, _)| id);
        if !known.any(|known| known == id) && !comparison.compared.contains(id) {
            let why = "the file has no such client".to_owned();
            comparison.not_compared.push((id.clone(), why));
        }
    }
    if comparison.compared.is_empty() {
        let lines = comparison.not_compared.iter();
        let lines = lines
            .take(MOST)
            .map(|(id, why)| format!("`{}`: {why}", printable(id)));
        let lines = lines.collect::<Vec<_>>().join("\n");
        return Err(Error::State(format!(
            "no client could be compared:\n{lines}"
        )));
    }
    Ok(comparison)
}

/// What both answer to a client, or why they are not asked.
fn compared(
    found: Found,
    maker: &Maker<'_>,
    here: &Here<'_>,
    asker: &Asker,
    server: &str,
) -> Result<Result<[Answer; 2], String>, Error> {
    let draft = match found.outcome {
        Outcome::Client(draft) => draft,
        Outcome::LeftOut(why) | Outcome::Wrong(why) => return Ok(Err(why)),
    };
    let secret = match &draft.secret {
        Secret::Given(secret) => Some(Zeroizing::new(secret.reveal().to_owned())),
        _ => None,
    };
    let client = match maker.make(&found.client_id, *draft, &mut Notes::default())? {
        Ok((client, _)) => client,
        Err(why) => return Ok(Err(why)),
    };
    let Some(secret) = secret.filter(|_| client.token_endpoint_auth_method.uses_secret()) else {
        return Ok(Err("it has no secret in the file to ask by".to_owned()));
    };
    if !client.may_use(GrantType::ClientCredentials.name()) {
        return Ok(Err("it may not use client_credentials".to_owned()));
    }
    let method = match client.token_endpoint_auth_method {
        AuthMethod::ClientSecretPost => Method::Post,
        _ => Method::Basic,
    };
    let credentials = (client.client_id.as_str(), secret.as_str());
    let there = match asker.answer(&method.ask(server, credentials, vec![GRANT])) {
        Ok(answer) if has_token(&answer) => answer,
        Ok(answer) => return Ok(Err(refused(&answer))),
        Err(why) => return Ok(Err(format!("{server}: {why}"))),
    };
    let here = here.answer(&client, method, credentials)?;
    Ok(Ok([there, here]))
}

fn has_token(answer: &Answer) -> bool {
    let members = answer.object().unwrap_or_default();
    answer.status == 200 && members.get("access_token").is_some_and(Value::is_string)
}

/// What a server says that gives no token.
fn refused(answer: &Answer) -> String {
    let members = answer.object().unwrap_or_default();
    let error = members.get("error").and_then(Value::as_str);
    let error = error.map(|error| format!(" `{}`", printable(error)));
    let advice = match answer.status {
        400 | 401 | 403 => "is its secret in the file the one of now?",
        _ => "is that the token endpoint?",
    };
    format!(
        "the other server answers {}{}, without a token: {advice}",
        answer.status,
        error.unwrap_or_default()
    )
}

/// This service, as the Worker is configured but for its secrets.
struct Here<'a> {
    service: Service,
    realm: &'a Realm,
    token_endpoint: String,
}

impl<'a> Here<'a> {
    fn new(realm: &'a Realm, target: &Target) -> Result<Self, Error> {
        let variables = WranglerToml::read(target)?.realms();
        let token_endpoint = realm.url(Endpoint::Token);
        Ok(Self {
            service: Service::new(&variables, &made_up_jwk_set),
            realm,
            token_endpoint: token_endpoint
                .ok_or_else(|| Error::State("the realm has no token endpoint".into()))?,
        })
    }

    /// The key by which it verifies imported secrets: another than the Worker's, and never stored.
    fn secrets_key(&self) -> Option<ClientSecretsKey> {
        made_up_jwk_set("CLIENT_SECRETS_KEY").and_then(ClientSecretsKey::parse)
    }

    fn answer(
        &self,
        client: &Client,
        method: Method,
        credentials: (&str, &str),
    ) -> Result<Answer, Error> {
        let store = MemoryStore::default();
        let record = serde_json::to_string(client)?;
        store.put(&self.realm.name, &client.client_id, Ok(record));
        let ask = method.ask(&self.token_endpoint, credentials, vec![GRANT]);
        let header = |name: &str| {
            let mut all = ask.headers.iter();
            all.find_map(|(other, value)| (*other == name).then_some(value.as_str()))
        };
        let (scheme, rest) = self.token_endpoint.split_once("://").unwrap_or_default();
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let request = Request {
            method: ask.method,
            by_plain_http: scheme == "http",
            authority,
            path: rest.get(authority.len()..).unwrap_or_default(),
            query: "",
            authorization: header("authorization"),
            content_type: header("content-type"),
            content_encoding: None,
            accept: Some("application/json"),
            origin: None,
            client_address: Some("127.0.0.1"),
            if_none_match: None,
            cookie: None,
            dpop: None,
            ray: None,
            requested_headers: None,
            header_fields: ask.headers.len(),
            connection: None,
            body: ask.body.as_deref().unwrap_or_default().as_bytes(),
        };
        let reply = pin!(self.service.respond(&request, now(), &fill_random, &store));
        // A store in memory lets nobody wait.
        let Poll::Ready(reply) = reply.poll(&mut Context::from_waker(Waker::noop())) else {
            return Err(Error::State("the service did not answer at once".into()));
        };
        let headers = reply.response.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_string()));
        Ok(Answer {
            status: reply.response.status,
            headers: headers.collect(),
            body: reply.response.body.to_string(),
            received: None,
        })
    }
}

/// What users of an answer can see of it. What is another one for each token counts by its kind.
fn facts(answer: &Answer, client_id: &str) -> BTreeMap<Fact, String> {
    let mut facts = BTreeMap::new();
    let id = Value::from(client_id).to_string();
    let mut add = |place, name: &str, value: String| {
        let value = if value == id {
            "its client id".to_owned()
        } else {
            value
        };
        facts.insert((place, name.to_owned()), value)
    };
    add("answer", "status", answer.status.to_string());
    add("answer", "content-type", answer.media_type());
    let members = answer.object().unwrap_or_default();
    let token = members.get("access_token").and_then(Value::as_str);
    let token = token.and_then(Jwt::parse);
    for (name, value) in &members {
        let seen = match (name.as_str(), value) {
            ("access_token", _) if token.is_some() => "a JWT".to_owned(),
            ("access_token" | "refresh_token" | "id_token", Value::String(_)) => {
                "a token".to_owned()
            }
            ("session_state", Value::String(_)) => "an id".to_owned(),
            ("scope", Value::String(scope)) => in_order(scope),
            _ => value.to_string(),
        };
        add("member", name, seen);
    }
    for (name, value) in token.iter().flat_map(|token| &token.header) {
        let seen = match name.as_str() {
            "kid" | "x5t" | "x5t#S256" => "a key's id".to_owned(),
            _ => value.to_string(),
        };
        add("JWT header", name, seen);
    }
    for (name, value) in token.iter().flat_map(|token| &token.claims) {
        let issued = token.as_ref().and_then(|token| token.seconds("iat"));
        let seen = match (name.as_str(), value.as_u64(), issued) {
            ("iat" | "nbf" | "auth_time", Some(_), _) => "a time".to_owned(),
            ("exp", Some(exp), Some(issued)) => format!("{} s later", exp.saturating_sub(issued)),
            ("jti" | "sid" | "session_state", None, _) => "an id".to_owned(),
            ("clientHost" | "clientAddress", None, _) => "an address".to_owned(),
            ("scope", None, _) => value.as_str().map_or_else(|| value.to_string(), in_order),
            _ => value.to_string(),
        };
        add("claim", name, seen);
    }
    facts
}

/// A scope, whose order says nothing (RFC 6749 §3.3).
fn in_order(scope: &str) -> String {
    let mut tokens = scope.split_whitespace().collect::<Vec<_>>();
    tokens.sort_unstable();
    format!("\"{}\"", tokens.join(" "))
}

impl Comparison {
    fn add(&mut self, id: String, there: &Answer, here: &Answer) {
        let (there, here) = (facts(there, &id), facts(here, &id));
        let all = there
            .keys()
            .chain(here.keys().filter(|fact| !there.contains_key(*fact)));
        for fact in all.filter(|fact| there.get(*fact) != here.get(*fact)) {
            let [there, here] = [&there, &here].map(|facts| facts.get(fact).cloned());
            let known = self
                .differences
                .iter_mut()
                .find(|known| known.fact == *fact && known.there == there && known.here == here);
            match known {
                Some(known) => known.clients.push(id.clone()),
                None => self.differences.push(Difference {
                    fact: fact.clone(),
                    there,
                    here,
                    clients: vec![id.clone()],
                }),
            }
        }
        self.compared.push(id);
    }

    /// The whole in one sentence.
    pub(super) fn outcome(&self) -> String {
        format!(
            "Compared {} with {}: {}. Nothing was written.",
            count(self.compared.len(), "client", "clients"),
            self.server,
            count(self.differences.len(), "difference", "differences"),
        )
    }

    /// The whole, for programs.
    pub(super) fn json(&self) -> Value {
        let differences = self.differences.iter().map(|one| {
            json!({
                "where": one.fact.0, "name": one.fact.1, "there": one.there, "here": one.here,
                "clients": one.clients,
            })
        });
        let not_compared = self.not_compared.iter();
        let not_compared = not_compared.map(|(id, why)| json!({ "client_id": id, "why": why }));
        json!({
            "compared_with": self.server,
            "compared": self.compared,
            "not_compared": not_compared.collect::<Vec<_>>(),
            "differences": differences.collect::<Vec<_>>(),
            "outcome": self.outcome(),
        })
    }

    /// Each difference as a row, in words.
    fn rows(&self) -> impl Iterator<Item = [String; 5]> {
        self.differences.iter().map(|one| {
            let (place, name) = &one.fact;
            let shown = |seen: &Option<String>| seen.clone().unwrap_or_else(|| "–".to_owned());
            let clients = match one.clients.len() {
                all if all == self.compared.len() => "all".to_owned(),
                1..=3 => one.clients.join(", "),
                all => format!("{all} clients"),
            };
            [
                (*place).to_owned(),
                name.clone(),
                shown(&one.there),
                shown(&one.here),
                clients,
            ]
        })
    }

    /// The whole, as tables.
    pub(super) fn for_people(&self) -> String {
        let rows = self.rows().map(|[place, name, there, here, clients]| {
            json!({ "where": place, "name": name, "there": there, "here": here, "clients": clients })
        });
        let rows = rows.collect::<Vec<_>>();
        let mut text = String::new();
        if !rows.is_empty() {
            text.push_str(&output::table_of(
                &rows,
                &["where", "name", "there", "here", "clients"],
            ));
        }
        for (id, why) in &self.not_compared {
            text.push_str(&format!(
                "Not compared: `{}`: {}.\n",
                printable(id),
                printable(why)
            ));
        }
        text.push_str(&format!("{}\n", self.outcome()));
        text
    }

    /// The whole, for a change ticket.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!(
            "# Comparison with {}\n\n{}\n\n| where | name | there | here | clients |\n\
             |---|---|---|---|---|\n",
            code(&self.server),
            escaped(&self.outcome()),
        );
        for [place, name, there, here, clients] in self.rows() {
            let cells = [
                place,
                code(&name),
                code(&there),
                code(&here),
                escaped(&clients),
            ];
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        if !self.not_compared.is_empty() {
            text.push_str("\n## Not compared\n\n");
        }
        for (id, why) in &self.not_compared {
            text.push_str(&format!("- {}: {}\n", code(id), escaped(why)));
        }
        text
    }

    /// Printed: on a terminal tables, else JSON.
    pub(super) fn print(&self, json: bool) -> Result<(), Error> {
        if json || !output::is_for_people() {
            eprintln!("{}", self.outcome());
            return output::print(&self.json(), output::View::Json, json);
        }
        output::write(self.for_people().as_bytes())
    }
}
