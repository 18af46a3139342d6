/** The proxy does not do what it was asked. `why` is for people; host and port as asked, harmless to print. */
export class Refusal extends Error {
  constructor(host, port, why, status = 403) {
    super(why);
    this.host = String(host)
      .replaceAll(/[^\w.:*-]/g, '?')
      .slice(0, 253);
    this.port = Number(port) || 0;
    this.why = why;
    this.status = status;
  }
}
