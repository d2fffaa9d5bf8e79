//! The realms of wrangler.toml, read anew for each command: the operator may change them meanwhile.

use edge_token::dialect::Dialect;
use edge_token::name::RealmName;
use edge_token::realm::{Realm, RealmError, Realms};

use crate::Error;
use crate::target::Target;
use crate::wrangler_toml::{WranglerToml, made_up_jwk_set, signing_keys};

pub(crate) struct Configured {
    variables: Vec<(String, String)>,
    realms: Realms,
}

impl Configured {
    pub(crate) fn read(target: &Target) -> Result<Self, Error> {
        let variables = WranglerToml::read(target)?.realms();
        let realms = Realms::parse(&variables, &made_up_jwk_set, &Dialect::ALL);
        Ok(Self { variables, realms })
    }

    /// All of them, or why some cannot be served.
    pub(crate) fn all(&self) -> impl Iterator<Item = Result<&Realm, &RealmError>> {
        // Without any variable, `Realms` would only say that there is no realm.
        let is_some = !self.variables.is_empty();
        self.realms.all().filter(move |_| is_some)
    }

    /// The realm of that name, if it can be served.
    pub(crate) fn named(&self, name: &str) -> Result<&Realm, Error> {
        let found = self.all().find_map(|realm| match realm {
            Ok(realm) => (realm.name.as_str() == name).then_some(Ok(realm)),
            Err(error) => {
                let is_it = error.realm() == Some(name);
                is_it.then(|| Err(Error::State(error.to_string())))
            }
        });
        found.unwrap_or_else(|| Err(Error::State(format!("wrangler.toml has no realm `{name}`"))))
    }

    /// The names of all of them.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |realm: Result<&Realm, &RealmError>| match realm {
            Ok(realm) => Some(realm.name.to_string()),
            Err(error) => error.realm().map(str::to_owned),
        };
        self.all().filter_map(name).collect()
    }

    /// The secrets in which a realm has its keys.
    #[cfg(feature = "console")]
    pub(crate) fn signing_keys(&self, realm: &RealmName) -> Vec<String> {
        signing_keys(&self.variables, realm)
    }
}
