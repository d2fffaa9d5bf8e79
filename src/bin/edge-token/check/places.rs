//! The two places where an issuer's metadata may be found (RFC 8414 §3.1 and §5).

use super::http::{Asked, Client};
use super::metadata::{Metadata, object};
use super::report::{Report, Verdict, fail, skip};
use super::url::Url;

/// What stands at the two places where metadata may be.
pub(super) struct Places {
    issuer: Url,
    openid: (String, Asked),
    oauth: (String, Asked),
}

impl Places {
    pub(super) fn ask(client: &Client, issuer: &Url) -> Self {
        let (origin, path) = (issuer.origin(), issuer.path().trim_end_matches('/'));
        let openid = format!("{origin}{path}/.well-known/openid-configuration");
        let oauth = format!("{origin}/.well-known/oauth-authorization-server{path}");
        let ask = |url: String| {
            let asked = client.get(&url);
            (url, asked)
        };
        Self {
            issuer: issuer.clone(),
            openid: ask(openid),
            oauth: ask(oauth),
        }
    }

    /// The answers, in the order of asking.
    pub(super) fn answers(&self) -> [&Asked; 2] {
        [&self.openid.1, &self.oauth.1]
    }

    /// The metadata, from the first place that has it.
    pub(super) fn metadata(&self) -> Option<Metadata> {
        [&self.openid, &self.oauth]
            .into_iter()
            .find_map(|(url, asked)| {
                Some(Metadata {
                    issuer: self.issuer.clone(),
                    url: url.clone(),
                    answer: asked.as_ref().ok()?.clone(),
                    members: object(asked)?,
                })
            })
    }

    /// Reports whether both places have the same. An issuer without any metadata is right where
    /// the operator knows it, and told the endpoints.
    pub(super) fn report(&self, report: &mut Report, may_be_none: bool) {
        let is_none = |asked: &Asked| asked.as_ref().is_ok_and(|answer| answer.status == 404);
        let may_be_none = may_be_none && self.answers().into_iter().all(is_none);
        let found = |asked: &Asked| -> Verdict {
            if may_be_none {
                return skip("404; the endpoints were named instead");
            }
            let answer = asked.as_ref().map_err(Clone::clone)?;
            match (answer.status, answer.object()) {
                (200, Some(members)) => Ok(format!("{} members", members.len())),
                (200, None) => fail("200, but no JSON object"),
                (status, _) => fail(format!(
                    "{status}, not 200: name the issuer's own URL, or --token-endpoint"
                )),
            }
        };
        report.add(
            "metadata: OpenID place",
            "OIDC Discovery §4",
            found(&self.openid.1),
        );
        report.add(
            "metadata: OAuth place",
            "RFC 8414 §3.1",
            found(&self.oauth.1),
        );
        let same = match (object(&self.openid.1), object(&self.oauth.1)) {
            (Some(one), Some(other)) if one == other => Ok("one document in both places".into()),
            (Some(_), Some(_)) => fail("the two documents differ"),
            _ => skip("there are not two documents"),
        };
        report.add("metadata: both places", "RFC 8414 §5", same);
    }
}
