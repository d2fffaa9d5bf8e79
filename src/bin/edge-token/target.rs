//! Where the tool acts: the namespace and the secrets of the demo on this machine, in the files that
//! wrangler keeps, or those of the deployed Worker, through wrangler, which knows the account.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::ScopedJoinHandle;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::Error;
use crate::progress::Progress;
use crate::wrangler_toml::WranglerToml;

/// The file with the demo's secrets, in the format of `.dev.vars`. `make run` serves it.
pub(crate) const LOCAL_SECRETS: &str = ".demo/secrets.env";

/// Where the project's own programs are.
const BINARIES: &str = "node_modules/.bin";

/// Reads and writes the namespace of local state.
const LOCAL_STATE: &str = include_str!("local_state.mjs");

/// The most keys that one bulk read of a deployed namespace may name.
const REMOTE_READ: usize = 100;

/// How many such reads are under way at once: wrangler takes most of the time to start.
const AT_ONCE: usize = 4;

/// How many keys one read of local state names, which may be any number, and how many pairs one write:
/// so many that the start of a program does not count, so few that progress is told.
const STEP: usize = 2_500;

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Kind {
    Local,
    Remote,
    Print,
}

#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) env: Option<String>,
    pub(crate) persist_to: Option<String>,
}

/// A value and where it lies in the namespace.
#[derive(Serialize)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl Target {
    /// What a command says to act there.
    #[cfg(feature = "console")]
    pub(crate) fn arguments(&self) -> Vec<String> {
        let kind = match self.kind {
            Kind::Local => None,
            Kind::Remote => Some("--remote".to_owned()),
            Kind::Print => Some("--print".to_owned()),
        };
        let env = self.env.as_ref().map(|env| format!("--env={env}"));
        let folder = self.persist_to.as_ref();
        let folder = folder.map(|folder| format!("--persist-to={folder}"));
        [kind, env, folder].into_iter().flatten().collect()
    }

    /// Refuses `--print` where there is nothing to print without reading.
    pub(crate) fn not_print(&self) -> Result<(), Error> {
        match self.kind {
            Kind::Print => Err(Error::Argument(
                "--print goes with `client create`, `client import` and `key generate`: leave it out \
                 here"
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    /// Refuses every target for what does not reach one.
    pub(crate) fn is_default(&self) -> Result<(), Error> {
        let is_default = self.kind == Kind::Local && self.env.is_none();
        match is_default && self.persist_to.is_none() {
            true => Ok(()),
            false => Err(Error::Argument(
                "check goes by its URL alone: leave out --remote, --print, --env and --persist-to"
                    .into(),
            )),
        }
    }

    /// The values at these keys; no entry for a key that has none.
    pub(crate) fn values(&self, keys: &[String]) -> Result<BTreeMap<String, String>, Error> {
        // Two processes at once would wait for one another's locks on local state.
        let (size, at_once) = match self.kind {
            Kind::Remote => (REMOTE_READ, AT_ONCE),
            _ => (STEP, 1),
        };
        let mut values = BTreeMap::new();
        let mut progress =
            (keys.len() > size).then(|| Progress::new("Reading records:", keys.len()));
        for keys in keys.chunks(size.saturating_mul(at_once)) {
            let parts = std::thread::scope(|scope| {
                let parts = keys
                    .chunks(size)
                    .map(|keys| scope.spawn(move || self.read(keys)));
                let parts = parts.collect::<Vec<_>>().into_iter();
                parts.map(joined).collect::<Result<Vec<_>, Error>>()
            });
            values.extend(parts?.into_iter().flatten());
            if let Some(progress) = &mut progress {
                progress.add(keys.len());
            }
        }
        Ok(values)
    }

    /// The values at these keys, in one call.
    fn read(&self, keys: &[String]) -> Result<BTreeMap<String, String>, Error> {
        #[derive(Deserialize)]
        struct Entry {
            value: Option<String>,
        }

        if self.kind == Kind::Local {
            return self.local_state(&json!({ "get": keys }));
        }
        let file = TemporaryFile::new(&serde_json::to_string(keys)?)?;
        let output = self.kv(&["bulk", "get", file.path()?])?;
        let found = serde_json::from_str::<BTreeMap<String, Entry>>(&output)
            .map_err(|error| unexpected("kv bulk get", &error))?;
        let found = found.into_iter();
        let found = found.filter_map(|(key, entry)| Some((key, entry.value?)));
        Ok(found.collect())
    }

    /// The keys that begin with `prefix`.
    pub(crate) fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Entry {
            name: String,
        }

        if self.kind == Kind::Local {
            return self.local_state(&json!({ "list": prefix }));
        }
        let output = self.kv(&["key", "list", "--prefix", prefix])?;
        let found = serde_json::from_str::<Vec<Entry>>(&output)
            .map_err(|error| unexpected("kv key list", &error))?;
        Ok(found.into_iter().map(|entry| entry.name).collect())
    }

    /// Writes pairs, in one call if they are no more than a few thousand.
    pub(crate) fn put(&self, pairs: &[Pair]) -> Result<(), Error> {
        let all = pairs.len();
        let mut progress = (all > STEP).then(|| Progress::new("Writing values:", all));
        let mut written = 0_usize;
        for pairs in pairs.chunks(STEP) {
            self.write(pairs).map_err(|error| match written {
                0 => error,
                _ => Error::Wrangler(format!("after {written} values were written: {error}")),
            })?;
            written = written.saturating_add(pairs.len());
            if let Some(progress) = &mut progress {
                progress.add(pairs.len());
            }
        }
        Ok(())
    }

    /// Writes pairs, in one call.
    fn write(&self, pairs: &[Pair]) -> Result<(), Error> {
        if self.kind == Kind::Local {
            return self.local_state(&json!({ "put": pairs }));
        }
        let file = TemporaryFile::new(&serde_json::to_string(pairs)?)?;
        self.kv(&["bulk", "put", file.path()?]).map(drop)
    }

    /// Deletes the value at a key.
    pub(crate) fn delete(&self, key: &str) -> Result<(), Error> {
        if self.kind == Kind::Local {
            return self.local_state(&json!({ "delete": [key] }));
        }
        let file = TemporaryFile::new(&serde_json::to_string(&[key])?)?;
        self.kv(&["bulk", "delete", "--force", file.path()?])
            .map(drop)
    }

    /// The names of all secrets.
    pub(crate) fn secret_names(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Entry {
            name: String,
        }

        if self.kind == Kind::Local {
            return Ok(local_secrets()?.into_iter().map(|(name, _)| name).collect());
        }
        let output = self.wrangler(&["secret", "list", "--format", "json"], None)?;
        let found = serde_json::from_str::<Vec<Entry>>(&output)
            .map_err(|error| unexpected("secret list", &error))?;
        Ok(found.into_iter().map(|entry| entry.name).collect())
    }

    /// A secret that the tool itself needs: from the environment, else from the demo's. Those of a
    /// deployed Worker cannot be read back.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<String>, Error> {
        if let Ok(value) = std::env::var(name) {
            return Ok(Some(value));
        }
        if self.kind != Kind::Local {
            return Ok(None);
        }
        let found = local_secrets()?
            .into_iter()
            .find(|(known, _)| known == name);
        Ok(found.map(|(_, value)| value.to_string()))
    }

    /// Writes a secret, overwriting the one of that name.
    pub(crate) fn put_secret(&self, name: &str, value: &str) -> Result<(), Error> {
        if self.kind == Kind::Remote {
            return self
                .wrangler(&["secret", "put", name], Some(value))
                .map(drop);
        }
        let mut secrets = local_secrets()?;
        secrets.retain(|(known, _)| known != name);
        secrets.push((name.to_owned(), Zeroizing::new(value.to_owned())));
        let lines = secrets
            .iter()
            .map(|(name, value)| format!("{name}='{}'\n", **value));
        let text = Zeroizing::new(lines.collect::<String>());
        write_private(&project()?.join(LOCAL_SECRETS), &text)
    }

    /// Reads or writes the namespace of local state, as local_state.mjs says.
    fn local_state<T: DeserializeOwned>(&self, request: &serde_json::Value) -> Result<T, Error> {
        let project = project()?;
        is_installed(&project)?;
        let folder = self.persist_to.as_deref().unwrap_or(".wrangler/state");
        let namespace = WranglerToml::read(self)?.local_namespace();
        let mut command = program(&project, "node")?;
        command.args([
            "--disable-warning=ExperimentalWarning",
            "--input-type=module",
        ]);
        command.args(["--eval", LOCAL_STATE]);
        command.arg(project.join(folder).join("v3")).arg(namespace);
        let output = output(command, "node", Some(&request.to_string()))?;
        if !output.status.success() {
            return Err(Error::Wrangler(format!(
                "local state cannot be read or written:\n{}",
                String::from_utf8_lossy(&output.stderr).trim()
            )));
        }
        let found = serde_json::from_slice(&output.stdout);
        found.map_err(|error| unexpected("local state", &error))
    }

    /// What `node` or `wrangler` prints as its version.
    pub(crate) fn version(&self, name: &str) -> Result<String, Error> {
        let project = project()?;
        if name == "wrangler" {
            is_installed(&project)?;
        }
        let output = program(&project, name)?.arg("--version").output();
        let output = output.map_err(|error| Error::Wrangler(error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let version = said.split_whitespace().next_back().unwrap_or_default();
        match output.status.success() {
            true => Ok(version.to_owned()),
            false => Err(Error::Wrangler(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            )),
        }
    }

    /// Reads or writes the deployed namespace.
    fn kv(&self, arguments: &[&str]) -> Result<String, Error> {
        let binding = ["--binding", "CLIENTS", "--remote", "--preview", "false"];
        self.wrangler(&[&["kv"], arguments, &binding].concat(), None)
    }

    /// Runs wrangler and returns its standard output.
    fn wrangler(&self, arguments: &[&str], input: Option<&str>) -> Result<String, Error> {
        let project = project()?;
        is_installed(&project)?;
        let mut command = program(&project, "wrangler")?;
        command
            .args(arguments)
            .arg("--env")
            .arg(self.env.as_deref().unwrap_or_default());
        let output = output(command, "wrangler", input)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let what = arguments
            .iter()
            .take(3)
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        let advice = match is_of_a_stranger(&said) {
            true => {
                "\nwrangler is not logged in: `npx wrangler login`, or set CLOUDFLARE_API_TOKEN"
            }
            false => "",
        };
        Err(Error::Wrangler(format!(
            "`wrangler {what}` failed:\n{}{advice}",
            said.trim()
        )))
    }
}

/// Whether wrangler says that it is not logged in.
pub(crate) fn is_of_a_stranger(said: &str) -> bool {
    let words = [
        "CLOUDFLARE_API_TOKEN",
        "not logged in",
        "ot authenticated",
        "Authentication error",
    ];
    words.iter().any(|word| said.contains(word))
}

fn is_installed(project: &Path) -> Result<(), Error> {
    match project.join(BINARIES).join("wrangler").exists() {
        true => Ok(()),
        false => Err(Error::Wrangler(
            "wrangler is not installed: run `make setup`".into(),
        )),
    }
}

/// A program of the project, in its folder. wrangler needs a newer Node than many machines have; the
/// project brings one.
fn program(project: &Path, name: &str) -> Result<Command, Error> {
    let binaries = project.join(BINARIES);
    let mut path = vec![binaries.clone()];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let path = std::env::join_paths(path).map_err(|error| Error::Wrangler(error.to_string()))?;
    let own = binaries.join(name);
    let mut command = Command::new(if own.exists() { own } else { name.into() });
    command
        .current_dir(project)
        .env("PATH", path)
        .env("WRANGLER_SEND_METRICS", "false");
    Ok(command)
}

/// What a program prints, with `input` on its standard input.
fn output(mut command: Command, name: &str, input: Option<&str>) -> Result<Output, Error> {
    let failed = |error: std::io::Error| Error::Wrangler(format!("cannot run {name}: {error}"));
    let stdin = input.map_or_else(Stdio::null, |_| Stdio::piped());
    let command = command.stdin(stdin).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // Why a program ends before it has read its input, it says itself.
        _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().map_err(failed)
}

/// What a thread came to.
fn joined<T>(thread: ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    let panicked = || Error::State("a part of the reading failed".into());
    thread.join().map_err(|_| panicked())?
}

fn unexpected(call: &str, error: &serde_json::Error) -> Error {
    Error::Wrangler(format!(
        "`wrangler {call}` printed what is not the JSON expected: {error}"
    ))
}

/// The project's folder: the nearest one upwards with a wrangler.toml.
pub(crate) fn project() -> Result<PathBuf, Error> {
    let here = std::env::current_dir().map_err(|error| Error::File {
        path: ".".into(),
        error,
    })?;
    here.ancestors()
        .find(|folder| folder.join("wrangler.toml").exists())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            Error::State("no wrangler.toml here or above: run this in the project".into())
        })
}

/// The demo's secrets, in the order of their file.
pub(crate) fn local_secrets() -> Result<Vec<(String, Zeroizing<String>)>, Error> {
    let path = project()?.join(LOCAL_SECRETS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::File {
                path: path.display().to_string(),
                error,
            });
        }
    };
    let secret = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((
            name.to_owned(),
            Zeroizing::new(value.trim_matches('\'').to_owned()),
        ))
    };
    Ok(text.lines().filter_map(secret).collect())
}

/// Writes a file that only its owner may read: whole, or not at all.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let temporary = path.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&temporary)?.write_all(text.as_bytes())?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| Error::File {
        path: path.display().to_string(),
        error,
    })
}

/// A file that wrangler reads, gone when it has. It holds hashes, never secrets.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(text: &str) -> Result<Self, Error> {
        let name = u64::from_ne_bytes(crate::random()?);
        let path = std::env::temp_dir().join(format!("edge-token-{name:016x}.json"));
        write_private(&path, text)?;
        Ok(Self(path))
    }

    fn path(&self) -> Result<&str, Error> {
        let path = self.0.to_str();
        path.ok_or_else(|| Error::State("the path of the temporary folder is not UTF-8".into()))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // That it stays behind is no reason to fail: it holds what is in the namespace anyway.
        _ = fs::remove_file(&self.0);
    }
}
