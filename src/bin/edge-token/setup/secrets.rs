//! What lies beside the project: signing keys, the key of imported secrets, and the clients that need it.

use edge_token::client::ClientSecretsKey;
use edge_token::jose::SigningKeys;
use edge_token::time::UnixTime;

use super::{Keys, Outcome, Setup, option};
use crate::Error;
use crate::client::record_needs_key;
use crate::key::{NOTICE, Standing, standing};
use crate::moment::date_and_distance;
use crate::target::{Kind, LOCAL_SECRETS, is_of_a_stranger, local_secrets};

impl Setup<'_> {
    /// Namespace and secrets of this machine.
    pub(super) fn local(&mut self, all: &[Keys]) {
        let secrets = match local_secrets() {
            Ok(secrets) => secrets,
            Err(error) => return self.fail("secrets", error.to_string(), "make run"),
        };
        let named = |name: &str| {
            let found = secrets.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.to_string())
        };
        for keys in all {
            self.local_keys(keys, &named);
        }
        let key = named("CLIENT_SECRETS_KEY");
        let mend = format!(
            "printf \"CLIENT_SECRETS_KEY='%s'\\n\" \"$(cat client-secrets-key)\" >> {LOCAL_SECRETS}"
        );
        let usable = key.map(|key| ClientSecretsKey::parse(key).is_some());
        self.client_secrets_key(usable, "in the demo's secrets", mend);
    }

    fn local_keys(&mut self, keys: &Keys, secret: &dyn Fn(&str) -> Option<String>) {
        let mut usable = SigningKeys::default();
        let (name, first) = (keys.name(), keys.first());
        let mut is_there = false;
        for one in &keys.secrets {
            let Some(value) = secret(one) else { continue };
            is_there = true;
            if let Err(error) = usable.add(&value) {
                let mend = self.command(&format!("key generate --force{}", option(one)));
                return self.fail(&name, format!("secret {one}: {error}"), mend);
            }
        }
        if !is_there {
            let mend = self.command(&format!("key generate{}", option(first)));
            return self.fail(&name, "there is no signing key", mend);
        }
        let lifetime = keys.token_lifetime;
        if usable.signing(self.now, lifetime).is_none() {
            return self.no_key_signs(keys);
        }
        let newest = usable.iter().last();
        let last = newest.map(|key| key.expiration().minus(lifetime));
        self.signs_until(keys, last.unwrap_or(self.now));
    }

    fn no_key_signs(&mut self, keys: &Keys) {
        let rotate = format!("key rotate --lead 0 --force{}", option(keys.first()));
        let mend = self.command(&rotate);
        self.fail(
            &keys.name(),
            "no key signs now: it has ended, or not begun",
            mend,
        );
    }

    fn signs_until(&mut self, keys: &Keys, last: UnixTime) {
        let moment = date_and_distance(last, self.now);
        match last < self.now.plus(NOTICE) {
            true => {
                let mend = self.command(&format!("key rotate{}", option(keys.first())));
                let detail = format!("the newest key signs its last token at {moment}");
                self.fail(&keys.name(), detail, mend);
            }
            false => self.pass(&keys.name(), format!("the newest key signs until {moment}")),
        }
    }

    /// Namespace and secrets of the account.
    pub(super) fn deployed(&mut self, all: &[Keys]) {
        let existing = match self.target.secret_names() {
            Ok(existing) => existing,
            Err(error) => return self.unreachable("the Worker's secrets", &error),
        };
        for keys in all {
            let (name, first) = (keys.name(), keys.first());
            if !keys.secrets.iter().any(|secret| existing.contains(secret)) {
                let mend = self.command(&format!("key generate{}", option(first)));
                self.fail(&name, "there is no signing key", mend);
                continue;
            }
            match standing(self.target, first, &existing, keys.token_lifetime, self.now) {
                Err(error @ Error::Wrangler(_)) => {
                    return self.unreachable("the namespace", &error);
                }
                Err(error) => {
                    let mend = self.command(&format!("key list{}", option(first)));
                    self.fail(&name, error.to_string(), mend);
                }
                Ok(Standing::Unknown) => self.add(
                    &name,
                    Outcome::Unknown,
                    "the secret is there, but nothing is written down of its keys, as when it was \
                     uploaded by hand; /health tells whether it is usable",
                    None,
                ),
                Ok(Standing::Unsettled) => {
                    let mend = self.command(&format!("key list{}", option(first)));
                    self.fail(
                        &name,
                        "a write did not finish; `key list` says what to do",
                        mend,
                    );
                }
                Ok(Standing::NoKeySigns) => self.no_key_signs(keys),
                Ok(Standing::Until(last)) => self.signs_until(keys, last),
            }
        }
        let usable = existing.iter().any(|name| name == "CLIENT_SECRETS_KEY");
        let mend = format!(
            "npx wrangler secret put CLIENT_SECRETS_KEY{} < client-secrets-key",
            self.env()
        );
        let where_it_is = "among the Worker's secrets; nobody can see which it is";
        self.client_secrets_key(usable.then_some(true), where_it_is, mend);
    }

    /// What is beyond an account that cannot be reached is not known.
    fn unreachable(&mut self, what: &str, error: &Error) {
        let said = error.to_string();
        let (detail, mend) = match is_of_a_stranger(&said) {
            true => (
                "wrangler is not logged in".to_owned(),
                "npx wrangler login".to_owned(),
            ),
            false => (
                format!("{what} cannot be read: {said}"),
                format!("npx wrangler deploy{}", self.env()),
            ),
        };
        self.fail("account", detail, mend);
        let detail = "cannot be known without the account";
        self.add("secrets, clients", Outcome::Unknown, detail, None);
    }

    /// Whether the key of imported secrets is there, or else whether any client needs it.
    fn client_secrets_key(&mut self, usable: Option<bool>, where_it_is: &str, mend: String) {
        const NAME: &str = "CLIENT_SECRETS_KEY";
        if usable == Some(true) {
            return self.pass(NAME, where_it_is);
        }
        let records = self.target.keys("client/");
        let records = records.and_then(|keys| self.target.values(&keys));
        let records = match records {
            Ok(records) => records,
            Err(error) if self.target.kind == Kind::Remote => {
                return self.unreachable("the namespace", &error);
            }
            Err(error) => return self.fail("namespace", error.to_string(), "make run"),
        };
        let need = records
            .iter()
            .filter(|(key, value)| record_needs_key(key, value));
        let (need, all) = (need.count(), records.len());
        let what = match usable {
            None => "is missing",
            Some(_) => "is shorter than 32 octets",
        };
        match need {
            0 => self.pass(NAME, format!("{what}, and none of {all} clients needs it")),
            _ => self.fail(
                NAME,
                format!(
                    "{what}, and {need} of {all} clients have a secret that was chosen elsewhere, which \
                     is good under the key alone that it was imported with"
                ),
                mend,
            ),
        }
    }
}

impl Keys {
    fn name(&self) -> String {
        format!("signing keys in {}", self.first())
    }

    fn first(&self) -> &str {
        self.secrets.first().map_or("SIGNING_KEYS", String::as_str)
    }
}
