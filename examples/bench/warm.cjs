// The node side of warm.go, which a script follows: serve answers tasks, a line of JSON each, with what one repetition took.
// jobs maps names to async functions of the task's arguments that return the async function to measure.
const fs = require('node:fs')
const readline = require('node:readline')

const peak = () => Number(/VmHWM:\s*(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1024

async function perform(jobs, { job, args, count }) {
	if (!jobs[job]) throw new Error(`no job "${job}"`)
	const run = await jobs[job](args ?? {})
	const cpu = process.cpuUsage()
	const began = performance.now()
	for (let i = 0; i < count; i++) await run()
	const wall = (performance.now() - began) / 1e3
	const used = process.cpuUsage(cpu)
	return { cpu: (used.user + used.system) / 1e6 / count, wall: wall / count, peak: peak() }
}

async function serve(jobs) {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		let answer
		try {
			answer = await perform(jobs, JSON.parse(line))
		} catch (err) {
			answer = { error: String(err) }
		}
		process.stdout.write(JSON.stringify(answer) + '\n')
	}
}
