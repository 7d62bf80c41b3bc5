// Starts a run; the rest of the page follows.
const says = document.getElementById("says");

document.getElementById("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fileName = document.getElementById("name").value.trim();
  const answer = await fetch("/api/sync/start", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ fileName }),
  });
  const body = await answer.json();
  says.textContent = body.error ?? `${body.message}: ${body.runId}`;
});
