document.addEventListener("event-history-token-needed", () => parent.postMessage("token-needed", "*"));

addEventListener("message", ({ source, data }) => {
  if (source === parent) document.querySelector("event-history-record").token = data.token;
});
