"""The rival in Python: the same endpoint, received by huggingface_hub."""

from huggingface_hub import WebhookPayload, WebhooksServer

app = WebhooksServer()


@app.add_webhook("/trigger_training")
async def trigger_training(payload: WebhookPayload):
    return {"training_on": payload.repo.name}


app.launch(share=False, quiet=True)
