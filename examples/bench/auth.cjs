// Verifies tokens with aws-jwt-verify: each line of input names the work, each line of output the processor time.
const { CognitoJwtVerifier } = require("aws-jwt-verify");

const verifiers = new Map(); // by use
function verifierFor(work) {
  if (!verifiers.has(work.use)) {
    const v = CognitoJwtVerifier.create({ userPoolId: work.pool, clientId: work.client, tokenUse: work.use });
    v.cacheJwks(JSON.parse(work.jwks));
    verifiers.set(work.use, v);
  }
  return verifiers.get(work.use);
}

function run(work) {
  const verifier = verifierFor(work);
  const before = process.cpuUsage();
  for (let n = 0; n < work.n; n++) verifier.verifySync(work.token);
  const { user, system } = process.cpuUsage(before);
  return { microseconds: user + system };
}

require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    answer = run(JSON.parse(line));
  } catch (e) {
    answer = { error: String(e) };
  }
  console.log(JSON.stringify(answer));
});
