// A service with the pool of node-postgres: `CHECKED=1` handles the pool's errors.
const readline = require("node:readline");
const { Pool } = require("pg");

const size = 4;
const pool = new Pool({ connectionString: process.env.DSN, max: size, idleTimeoutMillis: 0 });
if (process.env.CHECKED === "1") {
  pool.on("error", () => {});
}

async function main() {
  const busy = await Promise.all(Array.from({ length: size }, () => pool.connect()));
  await Promise.all(busy.map((client) => client.query("SELECT 1")));
  busy.forEach((client) => client.release());
  console.log("ready");
  for await (const _ of readline.createInterface({ input: process.stdin })) {
    try {
      await pool.query("SELECT 1");
      console.log("ok");
    } catch (error) {
      console.log(`failed: ${error.code || error.message}`);
    }
  }
  process.exit(0);
}

main();
