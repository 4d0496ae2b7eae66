// Follows warm.cjs. What bench compares avatarkit with: sharp, used as its documentation says. The cache of operations is off, since every picture
// of a service is another one. With arguments it is the whole program that is measured cold: IN OUT
const sharp = require('sharp')

sharp.cache(false)
const jpeg = { quality: 85 }
const one = (data) => sharp(data).resize(512, 512).jpeg(jpeg).toBuffer()

async function chain(data) {
	const { data: pixels, info } = await sharp(data).resize(512, 512).raw().toBuffer({ resolveWithObject: true })
	const raw = { raw: { width: info.width, height: info.height, channels: info.channels } }
	await Promise.all([512, 256, 128, 64].map((side) => sharp(pixels, raw).resize(side, side).jpeg(jpeg).toBuffer()))
}

async function clones(data) {
	const source = sharp(data)
	await Promise.all([512, 256, 128, 64].map((side) => source.clone().resize(side, side).jpeg(jpeg).toBuffer()))
}

const onFile = (f) => async ({ file }) => {
	const data = fs.readFileSync(file)
	return () => f(data)
}

const jobs = {
	one: onFile(one),
	clones: onFile(clones),
	chain: onFile(chain),
	// Many at once, as the threads of libuv allow; count is of whole batches.
	batch: async ({ file, pictures }) => {
		const data = fs.readFileSync(file)
		return () => Promise.all(Array.from({ length: Number(pictures) }, () => one(data)))
	},
	// For the quality: the picture without an encoder's loss, and the whole picture as it is decoded.
	raw: async ({ file, out }) => async () => {
		fs.writeFileSync(out, await sharp(fs.readFileSync(file)).resize(512, 512).removeAlpha().raw().toBuffer())
	},
	written: async ({ file, out }) => async () => fs.writeFileSync(out, await one(fs.readFileSync(file))),
	pixels: async ({ file, out }) => async () => {
		fs.writeFileSync(out, await sharp(fs.readFileSync(file)).removeAlpha().raw().toBuffer())
	},
	// For the inputs that Go does not write.
	convert: async ({ file, out, to }) => async () => {
		const source = sharp(fs.readFileSync(file))
		const options = { progressive: { format: 'jpeg', progressive: true, quality: 85 }, webp: { format: 'webp', quality: 80 } }[to]
		await source.toFormat(options.format, options).toFile(out)
	},
}

async function main() {
	const [input, output] = process.argv.slice(1)
	if (!input) return serve(jobs)
	fs.writeFileSync(output, await one(fs.readFileSync(input)))
	process.stdout.write(JSON.stringify({ peak: peak() }) + '\n')
}
main()
