//! What a deployment tells of a token that it issued, and how it takes it back (RFC 7662, RFC 7009).

use serde_json::{Map, Value};

use super::http::{Asked, Client};
use super::metadata::text;
use super::report::{Objection, Row, Verdict, fail, skip};
use super::token::{Credentials, Issued, Method};
use super::url::Url;

/// The answers about a token before and after it was revoked.
pub(super) struct After {
    client_id: String,
    anonymous: Asked,
    unknown: Asked,
    own: Asked,
    revoked: Asked,
    afterwards: Asked,
}

impl After {
    /// Asks about the second token that was issued, and revokes it. Endpoints on another origin are not
    /// told credentials.
    pub(super) fn ask(
        client: &Client,
        issued: &Issued,
        credentials: &Credentials,
        marker: &str,
        [introspection, revocation]: [Option<&Url>; 2],
    ) -> Result<Self, Objection> {
        let Some(introspection) = introspection else {
            return skip("the metadata names none on the issuer's origin");
        };
        let members = issued.second.as_ref().map_err(Clone::clone)?.object();
        let members = members.unwrap_or_default();
        let Some(token) = text(&members, "access_token") else {
            return skip("there was no second token");
        };
        let ask = |url: &Url, token| {
            let own = (&*credentials.client_id, credentials.client_secret.as_str());
            client.ask(&issued.method.ask(url.as_str(), own, vec![("token", token)]))
        };
        let nobody = Method::None.ask(introspection.as_str(), ("", ""), vec![("token", token)]);
        Ok(Self {
            client_id: credentials.client_id.clone(),
            anonymous: client.ask(&nobody),
            unknown: ask(introspection, marker),
            own: ask(introspection, token),
            revoked: match revocation {
                Some(revocation) => ask(revocation, token),
                None => skip("the metadata names none on the issuer's origin"),
            },
            afterwards: match revocation {
                Some(_) => ask(introspection, token),
                None => skip("nothing was revoked"),
            },
        })
    }
}

pub(super) const INTROSPECTION: [Row<After>; 3] = [
    ("no authentication", "RFC 7662 §2.3", |after| {
        match after.anonymous.as_ref().map_err(Clone::clone)?.status {
            401 => Ok("401".into()),
            other => fail(format!("{other}, not 401")),
        }
    }),
    ("unknown token", "RFC 7662 §2.2", |after| {
        inactive(&after.unknown)
    }),
    ("own token", "RFC 7662 §2.2", |after| {
        let members = told(&after.own)?;
        let client_id = text(&members, "client_id").unwrap_or(&after.client_id);
        match members.get("active") {
            Some(Value::Bool(true)) if client_id == after.client_id => Ok("active".into()),
            Some(Value::Bool(true)) => fail(format!("another client's: `{client_id}`")),
            _ => fail("not active, though it was just issued"),
        }
    }),
];

pub(super) const REVOCATION: [Row<After>; 2] = [
    ("own token", "RFC 7009 §2.2", |after| {
        match after.revoked.as_ref().map_err(Clone::clone)?.status {
            200 => Ok("200".into()),
            other => fail(format!("{other}, not 200")),
        }
    }),
    ("revoked token", "RFC 7009 §2", |after| {
        inactive(&after.afterwards)
    }),
];

fn told(asked: &Asked) -> Result<Map<String, Value>, Objection> {
    let answer = asked.as_ref().map_err(Clone::clone)?;
    match (answer.status, answer.object()) {
        (200, Some(members)) => Ok(members),
        (200, None) => fail("200, but no JSON object"),
        (other, _) => fail(format!("{other}, not 200")),
    }
}

/// Judges whether an answer says that a token is not active, and nothing else.
fn inactive(asked: &Asked) -> Verdict {
    let members = told(asked)?;
    match (members.get("active"), members.len()) {
        (Some(Value::Bool(false)), 1) => Ok("not active, and nothing else".into()),
        (Some(Value::Bool(false)), _) => fail("not active, but more is told"),
        _ => fail("not told to be inactive"),
    }
}
