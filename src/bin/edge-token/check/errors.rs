//! What the token endpoint answers to whom has no credentials (RFC 6749 §5.2, RFC 9110 §15.5).

use super::http::{Answer, Ask, Asked, Client};
use super::refusals::{
    GRANT, INVALID_ASSERTION, INVALID_CLIENT, NOT_FOUND, TokenEndpoint, assertion, basic, judge,
    refusals,
};
use super::report::{Report, Row, Verdict, fail, skip, warn};

/// A page's origin that no realm lists.
const ORIGIN: &str = "https://edge-token-check.invalid";

/// Fields that differ from answer to answer, whatever was asked.
const VOLATILE: [&str; 8] = [
    "age",
    "alt-svc",
    "cf-ray",
    "connection",
    "date",
    "nel",
    "report-to",
    "server-timing",
];

/// Asks all, and reports each answer and what they have in common.
pub(super) fn report(client: &Client, at: &TokenEndpoint<'_>, report: &mut Report) {
    let mut asked = Vec::new();
    for (name, source, refusal, ask) in refusals(at) {
        let answer = client.ask(&ask);
        let name = format!("error: {name}");
        report.add(&name, source, judge(&refusal, &answer));
        asked.push((name, answer));
    }
    for (name, header) in [
        ("error: assertion with none", r#"{"alg":"none"}"#),
        ("error: assertion with HS256", r#"{"alg":"HS256"}"#),
    ] {
        let verdict = match at.takes_assertions {
            false => skip("private_key_jwt is not in the metadata"),
            true => judge(&INVALID_ASSERTION, &client.ask(&assertion(at, header))),
        };
        report.add(name, "RFC 7523 §3", verdict);
    }
    let attempts = [
        basic(at.marker, at.marker),
        basic(&format!("{}2", at.marker), at.marker),
        "Basic !".to_owned(),
    ];
    let attempts = attempts.map(|authorization| {
        client.ask(&Ask::form(at.url, &[GRANT]).with("authorization", &authorization))
    });
    let [unknown, another, malformed] = &attempts;
    report.add(
        "error: unknown client",
        "RFC 6749 §5.2",
        judge(&INVALID_CLIENT, unknown),
    );
    report.add(
        "error: another unknown client",
        "RFC 6749 §10.10",
        alike(unknown, another),
    );
    report.add(
        "error: malformed Basic",
        "RFC 6749 §10.10",
        alike(unknown, malformed),
    );
    asked.extend(attempts.map(|answer| ("error: unknown client".to_owned(), answer)));
    let errors = Errors {
        asked,
        marker: at.marker.to_owned(),
    };
    report.judge("errors", &ROWS, Ok(&errors));
    report.add("token endpoint: CORS", "Fetch §3.3.3", cors(client, at.url));
}

/// Reports how a path that no endpoint has is answered.
pub(super) fn path(client: &Client, url: &str, report: &mut Report) {
    report.add(
        "unknown path",
        "RFC 9110 §15.5.5",
        judge(&NOT_FOUND, &client.get(url)),
    );
}

/// Judges whether two answers tell nothing of what made them.
pub(super) fn alike(one: &Asked, other: &Asked) -> Verdict {
    let [one, other] = [one, other].map(|asked| asked.as_ref().map_err(Clone::clone));
    let (one, other) = (one?, other?);
    if one.status != other.status || one.body != other.body {
        return fail(format!(
            "{} and {} with {}: guessers learn which clients exist",
            one.status,
            other.status,
            if one.body == other.body {
                "one body"
            } else {
                "another body"
            },
        ));
    }
    let fields = |answer: &Answer| {
        let mut fields = answer.headers.clone();
        fields.retain(|(name, _)| !VOLATILE.contains(&name.as_str()));
        fields.sort();
        fields
    };
    let (one, other) = (fields(one), fields(other));
    let differing = one.iter().find(|field| !other.contains(field));
    match differing.or_else(|| other.iter().find(|field| !one.contains(field))) {
        Some((name, _)) => fail(format!("the field {name} differs from an unknown client's")),
        None => Ok("the same as for an unknown client".into()),
    }
}

/// All answers to what was refused, by the name of their check.
struct Errors {
    asked: Vec<(String, Asked)>,
    marker: String,
}

impl Errors {
    /// Fails with the first answer for which `is_wrong`.
    fn none(&self, what: &str, is_wrong: impl Fn(&Answer) -> bool) -> Verdict {
        let answers = self
            .asked
            .iter()
            .filter_map(|(name, asked)| Some((name, asked.as_ref().ok()?)));
        let answers = answers.collect::<Vec<_>>();
        let wrong = answers
            .iter()
            .filter(|(_, answer)| is_wrong(answer))
            .collect::<Vec<_>>();
        match (wrong.first(), answers.len()) {
            (Some((name, _)), count) => {
                fail(format!("{what}: {} of {count}, as `{name}`", wrong.len()))
            }
            (None, 0) => skip("no error was answered"),
            (None, count) => Ok(format!("all of {count}")),
        }
    }
}

const ROWS: [Row<Errors>; 4] = [
    ("not stored", "RFC 6749 §5.1", |errors| {
        errors.none("without no-store and no-cache", |answer| {
            !is_not_stored(answer)
        })
    }),
    ("no cookie", "RFC 6265 §8.2", |errors| {
        errors.none("with a cookie", |answer| {
            answer.header("set-cookie").is_some()
        })
    }),
    ("no redirect", "RFC 9700 §4.12", |errors| {
        errors.none("redirected", |answer| (300..400).contains(&answer.status))
    }),
    ("nothing echoed", "RFC 6749 §10.14", |errors| {
        errors.none("with text of the request", |answer| {
            has(answer, &errors.marker)
        })
    }),
];

/// Whether no cache may keep an answer (RFC 6749 §5.1).
pub(super) fn is_not_stored(answer: &Answer) -> bool {
    answer.lists("cache-control", "no-store") && answer.lists("pragma", "no-cache")
}

/// Whether a text stands anywhere in an answer.
pub(super) fn has(answer: &Answer, text: &str) -> bool {
    let mut values = answer.headers.iter().map(|(_, value)| value);
    answer.body.contains(text) || values.any(|value| value.contains(text))
}

/// Judges what pages of any origin may read, by a preflight request and the request itself.
fn cors(client: &Client, url: &str) -> Verdict {
    let preflight = Ask::new("OPTIONS", url)
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", "authorization");
    let request = Ask::form(url, &[GRANT]);
    let mut seen = Ok("an unknown origin is not let in".to_owned());
    for ask in [preflight, request] {
        let answer = client.ask(&ask.with("origin", ORIGIN))?;
        let allowed = answer
            .header("access-control-allow-origin")
            .unwrap_or_default();
        if allowed != "*" && allowed != ORIGIN {
            continue;
        }
        if answer.lists("access-control-allow-credentials", "true") {
            return fail("any origin may ask with a user's credentials");
        }
        seen = warn("any origin may read answers: is `allowed_origins` meant to be `*`?");
    }
    seen
}
