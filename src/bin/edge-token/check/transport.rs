//! What `check` asks of the way by which requests come: https, and nothing but https.

use super::http::{Answer, Ask, Asked, Client};
use super::refusals::GRANT;
use super::report::{Objection, Verdict, fail, skip, warn};
use super::url::Url;

/// Asks a token endpoint by plain http, where it must not serve (RFC 6749 §3.2). Without credentials:
/// those would be read on the way.
pub(super) fn plain_http(client: &Client, token_endpoint: &Url) -> Verdict {
    if !token_endpoint.is_https() {
        return skip("it is not served by https");
    }
    match token_endpoint.by_plain_http() {
        Some(url) => judge_plain_http(&client.ask(&Ask::form(url.as_str(), &[GRANT]))),
        None => skip("https has a port of its own there, so that of http is unknown"),
    }
}

fn judge_plain_http(asked: &Asked) -> Verdict {
    let answer = match asked {
        Ok(answer) => answer,
        Err(Objection::Fail(_)) => return Ok("no answer by plain http".into()),
        Err(objection) => return Err(objection.clone()),
    };
    let to_https = |location: &&str| {
        let scheme = location.get(.."https://".len());
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    };
    match (answer.status, answer.header("location").filter(to_https)) {
        (status @ (403 | 426), _) => Ok(format!("{status}: refused")),
        (status @ (301 | 302 | 307 | 308), Some(_)) => Ok(format!("{status} to https")),
        (status, _) => fail(format!(
            "{status}, neither refused nor redirected: secrets are taken that anybody on the way reads"
        )),
    }
}

/// Judges whether browsers are told to come by https alone (RFC 6797 §6.1).
pub(super) fn hsts(issuer: &Url, answer: &Answer) -> Verdict {
    if !issuer.is_https() || issuer.is_on_loopback() {
        return skip("for https that is not on loopback");
    }
    let Some(field) = answer.header("strict-transport-security") else {
        return warn("it is missing: a browser's first request may go by plain http");
    };
    let max_age = field.split(';').find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let is_max_age = name.trim().eq_ignore_ascii_case("max-age");
        let value = value.trim().trim_matches('"');
        is_max_age.then(|| value.parse::<u64>().ok())?
    });
    match max_age {
        None => fail(format!("`{field}` has no max-age")),
        Some(0) => fail("max-age=0: browsers forget it"),
        Some(seconds) => Ok(format!("max-age={seconds}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, name: &str, value: &str) -> Answer {
        Answer {
            status,
            headers: vec![(name.to_owned(), value.to_owned())],
            ..Answer::default()
        }
    }

    #[test]
    fn plain_http_is_refused_or_redirected_to_https() {
        for (status, location, is_good) in [
            (403, "", true),
            (426, "", true),
            (301, "https://a.example/token", true),
            (308, "HTTPS://a.example/token", true),
            (301, "http://a.example/token", false),
            (302, "/token", false),
            (200, "", false),
            (400, "", false),
            (401, "", false),
            (404, "", false),
            (500, "https://a.example", false),
        ] {
            let verdict = judge_plain_http(&Ok(answer(status, "location", location)));
            assert_eq!(verdict.is_ok(), is_good, "{status} {location}: {verdict:?}");
        }
        assert!(judge_plain_http(&fail("no answer: refused")).is_ok());
        assert!(judge_plain_http(&skip("429")).is_err());
    }

    #[test]
    fn browsers_are_told_for_how_long() {
        let issuer = |text| Url::parse(text).unwrap();
        let deployed = issuer("https://a.example/realms/default");
        for (field, is_good) in [
            ("max-age=31536000", true),
            ("Max-Age=\"600\"; includeSubDomains", true),
            ("includeSubDomains; max-age = 1", true),
            ("max-age=0", false),
            ("max-age=x", false),
            ("includeSubDomains", false),
            ("", false),
        ] {
            let verdict = hsts(&deployed, &answer(200, "strict-transport-security", field));
            let failed = matches!(verdict, Err(Objection::Fail(_)));
            assert_eq!((verdict.is_ok(), failed), (is_good, !is_good), "{field}");
        }
        let none = hsts(&deployed, &answer(200, "x", ""));
        assert!(matches!(none, Err(Objection::Warn(_))));
        for local in [
            "http://127.0.0.1:8787",
            "https://localhost",
            "http://a.example",
        ] {
            let verdict = hsts(&issuer(local), &answer(200, "x", ""));
            assert!(matches!(verdict, Err(Objection::Skip(_))), "{local}");
        }
    }
}
