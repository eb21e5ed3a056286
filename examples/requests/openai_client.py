# OpenAI's client for Python: pip install openai
import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("MMM_URL", "http://127.0.0.1:8007") + "/v1",
    api_key=os.environ.get("MMM_KEY", "none"),
)

stream = client.chat.completions.create(
    model=os.environ.get("MMM_MODEL", "llama3"),
    messages=[{"role": "user", "content": "hello"}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
