const fdk = require('@fnproject/fdk')

fdk.handle((input, ctx) => {
  const name = (input && input.name) || 'world'
  ctx.httpGateway.setResponseHeader('X-Pid', String(process.pid))
  return { message: `Hello ${name}` }
})
