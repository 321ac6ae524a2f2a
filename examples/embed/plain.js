// One listener gives all elements of the page their first token, and a new one before each ends.
document.addEventListener("event-history-token-needed", async ({ target }) => {
  const response = await fetch("token", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"record_id": 42}' });
  if (response.ok) target.token = (await response.json()).token;
});

// What readers open is shown inside of the element. A page that shows events itself prevents that.
document.addEventListener("event-history-open", (event) => {
  const { event: id, record, file } = event.detail;
  console.info("opened", { id, record, file });
});
