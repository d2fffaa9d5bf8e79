// Asks what only others know: node scripts/audit.mjs
//
// Known vulnerabilities of the crates (RustSec) and of the npm packages, and whether the registry signed
// the latter (Sigstore). Who cannot be asked is named with the reason, and does not fail it.

import { spawnSync } from "node:child_process";

const QUESTIONS = [
  ["Advisories for the crates", "cargo", "deny", "--locked", "check", "advisories"],
  ["Advisories for the npm packages", "npm", "audit", "--fetch-retries=0"],
  ["Signatures of the npm packages", "npm", "audit", "signatures", "--fetch-retries=0"],
];
const UNREACHABLE =
  /^.*(?:failed to fetch advisory database|npm (?:error network request|warn audit \d{3}|error audit endpoint)).*$/m;

let failures = 0;
for (const [question, command, ...args] of QUESTIONS) {
  console.log(`\n==> ${question}: ${command} ${args.join(" ")}`);
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (error) throw error;
  const said = `${stdout}${stderr}`.trim();
  const [reason] = (status !== 0 && said.match(UNREACHABLE)) || [];
  if (reason === undefined) {
    console.log(said);
    failures += status === 0 ? 0 : 1;
  } else {
    console.log(`NOT CHECKED, for it cannot be asked from here: ${reason.trim()}`);
  }
}
process.exit(failures === 0 ? 0 : 1);
