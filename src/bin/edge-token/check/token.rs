//! What a client with credentials gets (RFC 6749 §4.4 and §5).

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::errors::{alike, has, is_not_stored};
use super::http::{Answer, Ask, Asked, Client};
use super::jwt::Jwt;
use super::metadata::text;
use super::refusals::{GRANT, basic};
use super::report::{Objection, Row, Verdict, fail, skip, warn};

/// How long a token should live at most: nobody can take it back.
const MAX_LIFETIME: u64 = 24 * 60 * 60;

/// A client's own credentials.
pub(super) struct Credentials {
    pub(super) client_id: String,
    pub(super) client_secret: Zeroizing<String>,
}

/// How a client's id and secret are presented (RFC 6749 §2.3.1), if at all.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Method {
    Basic,
    Post,
    None,
}

impl Method {
    /// A request by these credentials.
    pub(crate) fn ask<'a>(
        self,
        url: &str,
        (id, secret): (&'a str, &'a str),
        mut form: Vec<(&'a str, &'a str)>,
    ) -> Ask {
        match self {
            Self::Basic => Ask::form(url, &form).with("authorization", &basic(id, secret)),
            Self::Post => {
                form.extend([("client_id", id), ("client_secret", secret)]);
                Ask::form(url, &form)
            }
            Self::None => Ask::form(url, &form),
        }
    }
}

/// What the deployment is asked for.
pub(super) struct Wanted<'a> {
    pub(super) token_endpoint: &'a str,
    pub(super) credentials: &'a Credentials,
    pub(super) scope: Option<&'a str>,
    /// Random text that nobody registered.
    pub(super) marker: &'a str,
}

impl Wanted<'_> {
    /// A request by these credentials, for the scope and what else is asked for.
    fn ask(
        &self,
        method: Method,
        credentials: (&str, &str),
        scope: Option<&str>,
        resource: Option<&str>,
    ) -> Ask {
        let mut form = vec![GRANT];
        form.extend(scope.map(|scope| ("scope", scope)));
        form.extend(resource.map(|resource| ("resource", resource)));
        method.ask(self.token_endpoint, credentials, form)
    }

    /// Asks for tokens: by Basic, and in the form if the client may not use that.
    pub(super) fn issue(&self, client: &Client) -> Result<Issued, Objection> {
        let (marker, scope) = (self.marker, self.scope);
        let id = self.credentials.client_id.as_str();
        let own = (id, self.credentials.client_secret.as_str());
        let good = |method| client.ask(&self.ask(method, own, scope, None));
        let mut method = Method::Basic;
        let mut first = good(method)?;
        if first.status == 401 {
            method = Method::Post;
            first = good(method)?;
        }
        let members = first.object().unwrap_or_default();
        if first.status != 200 {
            let error = text(&members, "error").unwrap_or_default();
            return fail(format!(
                "{} {error}: are id, secret and scope right?",
                first.status
            ));
        }
        let resource = format!("https://{marker}.invalid");
        let with = |credentials, scope, resource| {
            client.ask(&self.ask(method, credentials, scope, resource))
        };
        Ok(Issued {
            method,
            first,
            members,
            second: good(method),
            in_form: match method {
                Method::Basic => good(Method::Post),
                _ => skip("the client is registered for the form"),
            },
            unknown: with((marker, marker), scope, None),
            wrong: with((id, marker), scope, None),
            excess_scope: with(own, Some(marker), None),
            unknown_resource: with(own, scope, Some(&resource)),
            unwanted: [
                marker.to_owned().into(),
                self.credentials.client_secret.clone(),
            ],
        })
    }
}

/// The answers: a token, a second one, and what was refused.
pub(super) struct Issued {
    pub(super) method: Method,
    pub(super) first: Answer,
    pub(super) members: Map<String, Value>,
    pub(super) second: Asked,
    in_form: Asked,
    unknown: Asked,
    wrong: Asked,
    excess_scope: Asked,
    unknown_resource: Asked,
    /// Texts of the requests that no answer may have.
    unwanted: [Zeroizing<String>; 2],
}

impl Issued {
    /// How the client authenticated.
    pub(super) fn method(&self) -> String {
        match self.method {
            Method::Basic => "200, by client_secret_basic".into(),
            _ => "200, by client_secret_post".into(),
        }
    }
}

pub(super) const ROWS: [Row<Issued>; 12] = [
    ("media type", "RFC 6749 §5.1", |issued| {
        match issued.first.media_type().as_str() {
            "application/json" => Ok("application/json".into()),
            other => fail(format!("`{other}`, not application/json")),
        }
    }),
    (
        "not stored",
        "RFC 6749 §5.1",
        |issued| match is_not_stored(&issued.first) {
            true => Ok("no-store, no-cache".into()),
            false => fail("without Cache-Control: no-store and Pragma: no-cache"),
        },
    ),
    ("no cookie", "RFC 6265 §8.2", |issued| {
        match issued.first.header("set-cookie") {
            None => Ok("none".into()),
            Some(_) => fail("with a cookie"),
        }
    }),
    ("nothing echoed", "RFC 6749 §10.14", nothing_echoed),
    ("access_token", "RFC 6749 §5.1", |issued| {
        match text(&issued.members, "access_token") {
            None | Some("") => fail("missing or no text"),
            Some(token) if Jwt::parse(token).is_none() => fail("no JWT (RFC 9068 §2)"),
            Some(token) => Ok(format!("a JWT of {} characters", token.len())),
        }
    }),
    ("token_type", "RFC 6749 §7.1", |issued| {
        let name = text(&issued.members, "token_type").unwrap_or_default();
        match ["bearer", "dpop"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
        {
            true => Ok(name.to_owned()),
            false => fail(format!("`{name}`, neither Bearer nor DPoP")),
        }
    }),
    ("expires_in", "RFC 6749 §5.1", |issued| {
        match issued.members.get("expires_in").and_then(Value::as_u64) {
            None | Some(0) => fail("missing or no number above 0"),
            Some(seconds) if seconds > MAX_LIFETIME => warn(format!(
                "{seconds} s: nobody can take a token back that long"
            )),
            Some(seconds) => Ok(format!("{seconds} s")),
        }
    }),
    ("no refresh_token", "RFC 6749 §4.4.3", |issued| match issued
        .members
        .contains_key("refresh_token")
    {
        true => warn("there is one, as some dialects have it"),
        false => Ok("none".into()),
    }),
    ("wrong secret", "RFC 6749 §10.10", |issued| {
        alike(&issued.unknown, &issued.wrong)
    }),
    ("secret in the form", "RFC 7591 §2", |issued| match issued
        .in_form
        .as_ref()
        .map_err(Clone::clone)?
        .status
    {
        401 => Ok("401: not the client's method".into()),
        200 => warn("200: the client may use either method"),
        other => fail(format!("{other}, not 401")),
    }),
    ("excess scope", "RFC 6749 §5.2", |issued| {
        refused(&issued.excess_scope, "invalid_scope")
    }),
    ("unknown resource", "RFC 8707 §2", |issued| {
        refused(&issued.unknown_resource, "invalid_target")
    }),
];

/// Judges whether what only the client should know comes back.
fn nothing_echoed(issued: &Issued) -> Verdict {
    let others = [
        &issued.second,
        &issued.in_form,
        &issued.unknown,
        &issued.wrong,
        &issued.excess_scope,
        &issued.unknown_resource,
    ];
    let others = others.into_iter().filter_map(|asked| asked.as_ref().ok());
    let echoes = |answer: &Answer| issued.unwanted.iter().any(|text| has(answer, text));
    match others.chain([&issued.first]).any(echoes) {
        true => fail("an answer has text of the request"),
        false => Ok("nothing of the request".into()),
    }
}

fn refused(asked: &Asked, word: &str) -> Verdict {
    let answer = asked.as_ref().map_err(Clone::clone)?;
    let members = answer.object().unwrap_or_default();
    let seen = format!(
        "{} {}",
        answer.status,
        text(&members, "error").unwrap_or_default()
    );
    match seen == format!("400 {word}") {
        true => Ok(seen),
        false => fail(format!("{seen}, not 400 {word}")),
    }
}
