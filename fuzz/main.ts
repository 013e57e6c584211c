import { main } from "./cli.ts";
import { properties } from "./properties.ts";

process.exitCode = await main(process.argv.slice(2), { properties, print: console.log, screen: process.stderr });
