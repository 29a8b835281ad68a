// Makes Pi sessions through Pi's SDK: no terminal interface is loaded.
import {
  AuthStorage,
  createAgentSession,
  DefaultResourceLoader,
  getAgentDir,
  ModelRegistry,
  SettingsManager,
} from "@mariozechner/pi-coding-agent";

/** Variables that move a provider's service, as the providers' own SDKs name them. */
const BASE_URLS = { anthropic: "ANTHROPIC_BASE_URL", openai: "OPENAI_BASE_URL" };

/**
 * @param {string} cwd absolute directory the agent works in
 * @param {string[]} instructions text appended to Pi's system prompt
 */
export async function createPiSession(cwd, instructions = []) {
  const agentDir = getAgentDir();
  const settingsManager = SettingsManager.create(cwd, agentDir);
  const resourceLoader = new DefaultResourceLoader({
    cwd,
    agentDir,
    settingsManager,
    noThemes: true, // Colours belong to the terminal interface.
    ...(instructions.length > 0 ? { appendSystemPrompt: instructions } : {}),
  });
  await resourceLoader.reload();
  const modelRegistry = ModelRegistry.create(AuthStorage.create());
  configureBaseUrls(modelRegistry, process.env);
  const { session } = await createAgentSession({ cwd, settingsManager, resourceLoader, modelRegistry });
  await session.bindExtensions({});
  return session;
}

/** Pi reads base URLs from its models.json alone; the environment wins over that file here. */
function configureBaseUrls(modelRegistry, env) {
  for (const [provider, variable] of Object.entries(BASE_URLS)) {
    if (env[variable]) modelRegistry.registerProvider(provider, { baseUrl: env[variable] });
  }
}
