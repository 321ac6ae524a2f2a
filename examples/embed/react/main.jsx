import { useCallback, useState } from "react";
import { createRoot } from "react-dom/client";

/** The history of a record, with tokens of this product's own backend. React 19 passes properties and events to elements itself. */
function RecordHistory({ record, onOpen }) {
  const [token, setToken] = useState("");
  const renew = useCallback(async () => {
    const body = JSON.stringify({ record_id: record });
    const response = await fetch("../token", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (response.ok) setToken((await response.json()).token);
  }, [record]);
  return <event-history-timeline record={record} token={token} onevent-history-token-needed={renew} onevent-history-open={onOpen} />;
}

function Contract() {
  const [record, setRecord] = useState(42);
  const [opened, setOpened] = useState(null);
  // This product shows events itself, so the element does not.
  const open = useCallback((event) => {
    event.preventDefault();
    setOpened(event.detail.event);
  }, []);
  return (
    <main>
      <h1>Contract {record}</h1>
      <button onClick={() => setRecord(record === 42 ? 43 : 42)}>Next contract</button>
      {opened ? <p>Event {opened} was opened.</p> : null}
      <RecordHistory key={record} record={record} onOpen={open} />
    </main>
  );
}

createRoot(document.getElementById("root")).render(<Contract />);
