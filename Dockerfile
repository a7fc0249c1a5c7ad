# The studio as a container. Written where containers could not be built: not run (docs/server.md).
FROM python:3.11-slim

RUN useradd --create-home studio && mkdir /data && chown studio /data
WORKDIR /studio
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY cadenza_core cadenza_core
# The wheel of PyTorch without CUDA; leave the index out for a machine with a GPU.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
    --constraint requirements.lock '.[auth,cluster,postgres]'
COPY app.py ./
COPY .streamlit .streamlit
COPY pages pages
COPY assets assets

USER studio
# Whoever reaches the container is trusted: publish its port to this machine only, or set up sign-in and leave the second out.
ENV CADENZA_HOME=/data/home CADENZA_TRUST_NETWORK=1
VOLUME /data
EXPOSE 8501
HEALTHCHECK CMD python -c "import urllib.request as r; r.urlopen('http://localhost:8501/_stcore/health', timeout=3)"
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
